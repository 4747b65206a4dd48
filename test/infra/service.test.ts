import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { projectDirectory } from "../../scripts/cache-directory.ts";

const read = (file: string): string => readFileSync(join(projectDirectory, file), "utf8");
const service = parse(read("serverless.yml")) as { readonly frameworkVersion: string };

describe("serverless.yml", () => {
  it("runs with the osls that package.json pins and no other program: one version, not a range", () => {
    const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: Record<string, string> };
    const { version } = JSON.parse(read("node_modules/osls/package.json")) as { version: string };
    expect([service.frameworkVersion, devDependencies["osls"]]).toEqual([version, version]);
    // Serverless Framework's launcher takes the newest release that a range allows. Releases of 4.3:
    expect(["4.3.0", "4.3.2"]).not.toContain(service.frameworkVersion);
  });
});
