/**
 * Layers as `npm run layer` makes them without options, for both processors: down to a proven
 * restore test of every major by the bundled functions, where there is nothing else but glibc and
 * libstdc++. That of the other processor runs in QEMU. With extensions:
 * test/integration/lambda/layer.test.ts.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { maxUnpackedBytes, readLayerManifest } from "../../infra/layer-manifest.ts";
import { readLayer } from "../../infra/tools.ts";
import { buildLayer } from "../../scripts/layer/build-layer.ts";
import { readElf } from "../../scripts/layer/elf.ts";
import { ensureLayer } from "../../scripts/layer/ensure-layer.ts";
import { closureProblems, filesBelow } from "../../scripts/layer/libraries.ts";
import { unpackedBytes } from "../../scripts/layer/locale-data.ts";
import { lambdaArchitectures, type Processor } from "../../scripts/layer/processor.ts";
import { unpackEmulatedLayer } from "../support/emulated-layer.ts";
import { execution, majors, startLayerTrial, unpackLayer } from "../support/layer-trial.ts";

const directory = mkdtempSync(join(tmpdir(), "hf-layers-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(["x64", "arm64"] as const)("the layer for %s", (processor: Processor) => {
  it("has files of its processor alone, which load with what Lambda has", async () => {
    const zip = ensureLayer([], processor);
    const layer = join(directory, processor);
    await unpackLayer(zip, layer);
    const elf = filesBelow(layer).flatMap((file) => readElf(file) ?? []);
    expect(elf.length).toBeGreaterThan(300);
    expect(new Set(elf.map((each) => each.processor))).toEqual(new Set([processor]));
    expect(closureProblems(layer, processor)).toEqual([]);
    expect(unpackedBytes(layer)).toBeLessThan(maxUnpackedBytes - 10_000_000);
    const { manifest } = readLayer(zip, lambdaArchitectures[processor]);
    expect(manifest).toMatchObject({ majors, extensions: {}, architecture: lambdaArchitectures[processor] });
    expect(manifest.locales.length).toBeGreaterThan(130);
  });

  it("is the same file when it is built again", () => {
    const out = join(directory, `again-${processor}`);
    const built = buildLayer({ processor, extensions: [], locales: "all", add: [], out }, () => undefined);
    const earlier = readFileSync(ensureLayer([], processor));
    const digest = createHash("sha256").update(earlier).digest("hex");
    // Libraries are the archive's newest: only of the same packages is the layer the same.
    expect(readLayerManifest(readFileSync(built.file))).toEqual(readLayerManifest(earlier));
    expect(built.sha256).toBe(digest);
  });
});

/** QEMU of Debian runs arm64's programs; on an arm64 machine its own layer runs alone. */
const runnable: readonly Processor[] = process.arch === "x64" ? ["x64", "arm64"] : ["arm64"];

describe("the layer", () => {
  it.each(runnable)("for %s dumps, verifies and proves a backup of every major", async (processor) => {
    const own = processor === process.arch ? {} : { unpack: unpackEmulatedLayer };
    await using trial = await startLayerTrial(ensureLayer([], processor), own);
    for (const major of majors) {
      const source = `shop${major}`;
      const dumped = await trial.call("dump", { source, kind: "full" });
      expect(dumped, JSON.stringify(dumped)).toMatchObject({ source, rows: 2_000 });
      const backup = { source, backupId: dumped["backupId"], execution };
      const verified = await trial.call("prove", { ...backup, step: "verify" });
      expect(verified, JSON.stringify(verified)).toMatchObject({ outcome: "verified", rows: 2_000 });
      const proven = await trial.call("prove", { ...backup, step: "restore-test" });
      expect(proven, JSON.stringify(proven)).toMatchObject({ outcome: "proven", rows: 2_000 });
      console.log(`${processor}: PostgreSQL ${major} proven`);
    }
  });
});
