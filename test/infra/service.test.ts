import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { projectDirectory } from "../../scripts/cache-directory.ts";

const read = (file: string): string => readFileSync(join(projectDirectory, file), "utf8");
const service = parse(read("serverless.yml")) as {
  readonly frameworkVersion: string;
  readonly params: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

describe("serverless.yml", () => {
  it("runs with the osls that package.json pins and no other program: one version, not a range", () => {
    const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: Record<string, string> };
    const { version } = JSON.parse(read("node_modules/osls/package.json")) as { version: string };
    expect([service.frameworkVersion, devDependencies["osls"]]).toEqual([version, version]);
    // Serverless Framework's launcher takes the newest release that a range allows. Releases of
    // 4.3:
    expect(["4.3.0", "4.3.2"]).not.toContain(service.frameworkVersion);
  });

  it("has sections of parameters for stages, which name no parameter that there is not", () => {
    const { default: defaults = {}, ...stages } = service.params;
    expect(Object.keys(stages)).toEqual(["dev", "prod"]);
    expect(Object.values(stages).flatMap((own) => Object.keys(own).filter((name) => !(name in defaults)))).toEqual([]);
    expect([defaults["protection"], stages["dev"]?.["protection"]]).toEqual(["on", "off"]);
  });
});
