/**
 * What sealing costs the process that does it: memory that does not grow with a backup, and no more
 * modules than it needs.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runOk } from "../../support/processes.ts";

const program = fileURLToPath(new URL("./stream-through-seal.ts", import.meta.url));

interface Report {
  readonly openedBytes: number;
  readonly peakRssBytes: number;
  /** Modules of node_modules, `@scope/name/file`. */
  readonly loaded: readonly string[];
}

async function streamThrough(mebibytes: number, compress: boolean): Promise<Report> {
  const report = JSON.parse(await runOk(process.execPath, [program, String(mebibytes), String(compress)])) as Report;
  expect(report.openedBytes).toBe(mebibytes * 1024 * 1024);
  return report;
}

describe("sealing and opening at once, in one process", () => {
  it.each([false, true])("takes no more memory for 1 GiB than for 64 MiB, compress %s", async (compress) => {
    const [small, large] = [await peakMiB(64, compress), await peakMiB(1024, compress)];
    // A stream that kept what it passed on would need 1 GiB; the collector's mood accounts for some
    // tens of MiB.
    expect(large).toBeLessThan(small + 120);
    expect(large).toBeLessThan(350);
  });

  it("loads nothing of the AWS SDK for a key file", async () => {
    const { loaded } = await streamThrough(1, false);
    expect(loaded.some((path) => path.startsWith("@aws-crypto/raw-aes-keyring-node/"))).toBe(true);
    expect(loaded.filter((path) => /^@aws-sdk\/|^@smithy\/|^@aws-crypto\/kms/.test(path))).toEqual([]);
  });
});

async function peakMiB(mebibytes: number, compress: boolean): Promise<number> {
  return (await streamThrough(mebibytes, compress)).peakRssBytes / 1024 / 1024;
}
