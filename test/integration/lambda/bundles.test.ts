/**
 * Every function as it is packaged: small, loading as Lambda loads it, and refusing what it cannot
 * take by the catalogue's name.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, bundleFunctions } from "../../../scripts/bundle-functions.ts";
import { projectDirectory } from "../../../scripts/cache-directory.ts";
import { startFunction } from "../../support/lambda-function.ts";

/** The containers' program is no handler. */
const program = "fargate";
const names = readdirSync(join(projectDirectory, "functions"))
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.slice(0, -".ts".length));
const mostZipBytes = 5_000_000;

const directory = mkdtempSync(join(tmpdir(), "hf-bundles-"));
const bundles = new Map<string, Bundle>();

beforeAll(async () => {
  for (const bundle of await bundleFunctions(names, directory)) bundles.set(bundle.name, bundle);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const fileOf = (name: string): string => bundles.get(name)?.file ?? "";

describe("a bundled function", () => {
  it.each(names)("%s is far below 5 MB zipped, and has no source map", (name) => {
    const file = fileOf(name);
    expect(existsSync(`${file}.map`)).toBe(false);
    const zipped = deflateRawSync(readFileSync(file)).length;
    expect(zipped).toBeGreaterThan(10_000);
    expect(zipped).toBeLessThan(mostZipBytes);
  });

  it.each(names.filter((name) => name !== program))("%s loads, and refuses an event that is not its own", async (name) => {
    const env = { PATH: process.env["PATH"], POWERTOOLS_TRACE_ENABLED: "false", POWERTOOLS_METRICS_NAMESPACE: "Holdfast" };
    await using lambda = await startFunction({ module: fileOf(name), env });
    const { errorType, errorMessage } = await lambda.invoke("not an event of anything");
    expect({ errorType, errorMessage }, lambda.log()).toMatchObject({ errorType: "UsageInvalid" });
    expect(errorMessage).toContain(name);
  });
});
