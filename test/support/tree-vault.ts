/**
 * A vault in memory with backups of `tree`, the source of a files project: sealed and signed with
 * that project's key, so that its pipeline takes them for its own.
 */
import { sha256Hex } from "../../src/vault/documents/canonical-json.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import { readSmall } from "../../src/vault/documents/read-small.ts";
import { initVault } from "../../src/vault/documents/vault.ts";
import { newVaultId } from "../../src/vault/documents/vault-id.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { type MemoryStore, makeMemoryStore } from "./memory-store.ts";
import { sampleBase, sampleEvidence, sampleManifest } from "./sample-backups.ts";
import { commitSealed, memoryKeys, type TestSealing } from "./sealed-backups.ts";
import { signedNames, signedVault, testSigner } from "./signed-vault.ts";

const randomBytes = (count: number): Uint8Array => Buffer.alloc(count, 7);
const madeAt = new Date("2026-01-10T00:00:00Z");

/** With the key file of a files project. */
export const treeSealing: TestSealing = { keys: memoryKeys(7), vaultId: newVaultId(randomBytes) };
/** Names of documents that its key signed. */
export const treeNames = signedNames(treeSealing.vaultId);

export async function makeTreeVault(options: { readonly locks?: boolean } = {}): Promise<MemoryStore> {
  const store = makeMemoryStore(() => new Date(), options);
  const clock = { now: () => madeAt, monotonicMs: () => 0 };
  await initVault(store, { clock, randomBytes, holdfastVersion: "0", restoreInstructions: async () => "text" });
  return store;
}

export interface TreeBackup {
  /** The last is what it builds on; default: none. */
  readonly chain?: readonly string[];
  /** When it was read back, ISO 8601 with milliseconds. */
  readonly verifiedAt?: string;
}

/** Puts a verified backup with one artifact there; gives its id. */
export async function putVerified(
  store: MemoryStore,
  id: string,
  { chain = [], verifiedAt = "2026-01-09T00:00:00.000Z" }: TreeBackup = {},
): Promise<string> {
  const base = chain.at(-1);
  const change =
    base === undefined ? {} : sampleBase(base, sha256Hex((await readSmall(store, keyOf.manifest("tree", base))).bytes));
  const { sha256 } = await commitSealed(store, sampleManifest("tree", id, { engine: "files", ...change }), treeSealing);
  await store.put(keyOf.artifact("tree", id, "database.dump"), Buffer.from("xyz"));
  const evidence = { ...sampleEvidence("tree", id, "verified", verifiedAt), manifestSha256: sha256 };
  await appendEvidence(signedVault(store, treeSealing.vaultId), evidence, testSigner);
  return id;
}
