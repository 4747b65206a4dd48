/**
 * Memory of the bundled functions does not grow with a backup: a dump through S3 and KMS and its
 * reading back, of two sizes. `npm run bench -- --lambda-memory` does so up to 2 GB.
 */
import { describe, expect, it } from "vitest";
import { type MemoryRow, measureMemory, memoryAim } from "../../../bench/functions.ts";

const mebibyte = 1024 * 1024;
/**
 * The collector's mood accounts for some tens of MiB; a function that kept what it passed on would
 * take the difference of the sizes.
 */
const moodMiB = 96;
const [small, large] = [100, 400];

describe("a dump and its verification", () => {
  it("take no more memory for four times the bytes, and stay below the aim", async () => {
    const rows = await measureMemory([small, large]);
    expect(rows.map(({ megabytes, step }) => `${step} ${megabytes}`)).toEqual([
      `dump ${small}`,
      `verify ${small}`,
      `dump ${large}`,
      `verify ${large}`,
    ]);
    const peakOf = (step: MemoryRow["step"], megabytes: number): number =>
      (rows.find((row) => row.step === step && row.megabytes === megabytes)?.peakBytes ?? Number.NaN) / mebibyte;
    for (const step of ["dump", "verify"] as const) {
      expect(peakOf(step, large), step).toBeLessThan(peakOf(step, small) + moodMiB);
      expect(peakOf(step, large), step).toBeLessThan(memoryAim);
    }
    for (const { megabytes, storedBytes, peaks } of rows) {
      // What was stored is as large as it says: nothing was compressed away.
      expect(storedBytes).toBeGreaterThan(megabytes * 1_000_000);
      expect(peaks.togetherBytes / mebibyte).toBeLessThan(memoryAim);
      expect([...peaks.programs.keys()].some((name) => name.startsWith("pg_"))).toBe(true);
    }
  });
});
