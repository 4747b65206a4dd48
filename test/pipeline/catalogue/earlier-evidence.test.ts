/** A manifest against what earlier checks of its backup read. */
import { beforeEach, describe, expect, test } from "vitest";
import { compareWithEarlierEvidence } from "../../../src/pipeline/catalogue/earlier-evidence.ts";
import type { CheckName } from "../../../src/vault/backup-state.ts";
import type { BackupEntry } from "../../../src/vault/catalogue.ts";
import { appendEvidence } from "../../../src/vault/documents/evidence.ts";
import { commitManifest } from "../../../src/vault/documents/manifest.ts";
import { findBackup } from "../../../src/vault/find-backup.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleEvidence, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { signedVault, testSigner } from "../../support/signed-vault.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const now = new Date("2026-11-21T00:00:00Z");
const [read, other] = ["a".repeat(64), "b".repeat(64)];

let store: MemoryStore;
beforeEach(async () => {
  store = makeMemoryStore(() => now);
  await commitManifest(store, sampleManifest("shop", id));
});

let minute = 0;
async function found(check: CheckName, manifestSha256: string): Promise<string> {
  minute += 1;
  const at = new Date(now.getTime() - 36_000_000 + minute * 60_000).toISOString();
  return (await appendEvidence(signedVault(store), { ...sampleEvidence("shop", id, check, at), manifestSha256 }, testSigner)).key;
}

const entryNow = (): Promise<BackupEntry> => findBackup(signedVault(store), id, now);
const compare = async (sha256 = read) => compareWithEarlierEvidence(signedVault(store), await entryNow(), sha256);

describe("a manifest", () => {
  test("that nobody has checked yet has nothing to agree with", async () => {
    await expect(compare()).resolves.toBeUndefined();
  });

  test.each(["verified", "suspicious", "accepted", "proven", "unproven"] as const)("must be the one that was %s", async (check) => {
    await found(check, read);
    await expect(compare()).resolves.toBeUndefined();
    await expect(compare(other)).rejects.toMatchObject({
      name: "ManifestDamaged",
      message: expect.stringMatching(`${id}.*${other}.*${read}`),
    });
  });

  test("must be the one of all checks, also of those before the last", async () => {
    await found("verified", other);
    await found("proven", read);
    await expect(compare()).rejects.toMatchObject({ name: "ManifestDamaged" });
  });

  test.each(["damaged", "disproven"] as const)(
    "need not be the one that was found %s: that may be what was wrong",
    async (check) => {
      await found(check, other);
      await found("verified", read);
      await expect(compare()).resolves.toBeUndefined();
    },
  );

  test("need not agree with evidence that went with its backup since it was listed", async () => {
    const key = await found("verified", other);
    const entry = await entryNow();
    await store.delete(key);
    await expect(compareWithEarlierEvidence(signedVault(store), entry, read)).resolves.toBeUndefined();
  });

  test("is not to be trusted beside evidence that was damaged or planted", async () => {
    const key = await found("verified", read);
    await store.put(key, Buffer.from("{}"));
    await expect(compare()).rejects.toMatchObject({ name: "EvidenceInvalid" });
  });

  test("is not judged when the store cannot be asked", async () => {
    await found("verified", read);
    const silent = makeFaultyStore(store, [{ operation: "get", key: /^evidence/ }]);
    await expect(compareWithEarlierEvidence(signedVault(silent), await entryNow(), read)).rejects.toMatchObject({
      name: "StoreUnavailable",
    });
  });
});
