import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { builtInEngines } from "../../src/engines/engine-registry.ts";
import { writeInstructions } from "../../src/pipeline/export/vault-instructions.ts";
import { readSteps } from "../support/follow-restore-instructions.ts";

const steps = readSteps(await writeInstructions(builtInEngines));

describe("the vault's RESTORE.md", () => {
  it("has the steps in the order in which they are done", () => {
    expect(steps.map(({ title }) => title)).toEqual([
      "1. Settings",
      "2. Choose a backup",
      "3. Read its manifest",
      "4. Check what is stored",
      "5. Open the seal, with a key file",
      "6. Open the seal, with AWS KMS",
      "7. Check who made the manifest",
      "8. Decompress",
      "9. Load it: PostgreSQL",
      "10. Unpack it: files",
      "11. Take out what was erased since",
    ]);
    expect(steps.every(({ blocks }) => blocks.length > 0)).toBe(true);
    expect(steps.flatMap(({ files }) => files.map(({ name }) => name))).toEqual([
      "read_manifest.py",
      "open_sealed.py",
      "read_erasures.py",
    ]);
  });

  it("has the same commands and scripts as docs/restore-without-holdfast.md", async () => {
    const page = await readFile(new URL("../../docs/restore-without-holdfast.md", import.meta.url), "utf8");
    expect(readSteps(page)).toEqual(steps);
  });

  it("hands no secret to a command line", () => {
    const commands = steps.flatMap(({ blocks }) => blocks).join("\n");
    expect(commands).not.toMatch(/password/i);
    expect(commands).not.toMatch(/cat "?\$KEYFILE/);
  });
});
