/**
 * Artifacts that earlier releases sealed. A vector that no longer opens is a broken promise: fix
 * the code, never the vector.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readKeyFile } from "../../src/sealing/key-file.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { openManifestSeal } from "../../src/sealing/manifest-seal.ts";
import type { SealContext } from "../../src/sealing/message.ts";
import type { SealFigures } from "../../src/sealing/seal.ts";
import type { BackupContext } from "../../src/sealing/small-message.ts";
import { failureOf, type KeyPlace, keysOfFiles, makeKeyPlace, open } from "./sealing-fixture.ts";

interface Vectors {
  readonly keyFile: string;
  readonly keyId: string;
  readonly vectors: readonly {
    readonly description: string;
    readonly context: SealContext;
    readonly record: SealFigures;
    readonly content: string;
    readonly stored: string;
  }[];
  readonly manifestSeals: readonly {
    readonly description: string;
    readonly context: BackupContext;
    readonly sha256: string;
    readonly stored: string;
  }[];
}

const { keyFile, keyId, vectors, manifestSeals } = JSON.parse(
  await readFile(new URL("../vectors/sealing/vectors.json", import.meta.url), "utf8"),
) as Vectors;

describe("the sealing vectors of format version 2", () => {
  let place: KeyPlace;
  let keys: SealingKeys;
  let path: string;

  beforeAll(async () => {
    place = await makeKeyPlace();
    path = join(place.directory, "vector.key");
    await writeFile(path, keyFile, { mode: 0o600 });
    keys = await keysOfFiles(path);
  });
  afterAll(() => place.remove());

  it("are five, with a key file that is read as it was", async () => {
    expect(vectors).toHaveLength(5);
    expect((await readKeyFile(path)).keyId).toBe(keyId);
  });

  it.each(vectors)("open: $description", async ({ context, record, content, stored }) => {
    const bytes = Buffer.from(stored, "base64");
    expect((await open(bytes, record, { keys, context })).toString("base64")).toBe(content);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect((await failureOf(open(bytes, record, { keys, context }))).name).toBe("ArtifactDamaged");
  });

  it.each(manifestSeals)("open the seal of a manifest: $description", async ({ context, sha256, stored }) => {
    const bytes = Buffer.from(stored, "base64");
    expect(await openManifestSeal(bytes, keys)).toEqual({ context, sha256 });
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect((await failureOf(openManifestSeal(bytes, keys))).name).toBe("SealInvalid");
  });
});
