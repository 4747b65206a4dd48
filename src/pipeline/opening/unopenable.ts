/**
 * Finds backups whose key the policy no longer has: after a key file was replaced, new backups are
 * made and the old ones are lost.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { Vault } from "../../vault/vault.ts";
import { readSoundManifest } from "../catalogue/read-valid-evidence.ts";
import { historyOf } from "../catalogue/source-history.ts";
import { type PipelineContext, requireSource } from "../pipeline-context.ts";
import { openingKeysFor } from "./opening-keys.ts";

export interface Unopenable {
  readonly keyId: string;
  /** How many of the backups that were looked at need it. */
  readonly count: number;
  readonly newestId: string;
  /** Where the policy names a key that may be it, why that one cannot be loaded. */
  readonly reason?: string | undefined;
}

/**
 * The keys that the source's backups `ids`, oldest first, were sealed with and the policy cannot
 * open them with. Reads their manifests; one that cannot be read says nothing here. Errors: those
 * of ObjectStore.
 */
export async function findUnopenable(
  context: PipelineContext,
  { store }: Vault,
  sourceName: string,
  ids: readonly string[],
): Promise<readonly Unopenable[]> {
  const newestByKey = new Map<string, { count: number; newestId: string }>();
  for (const id of ids) {
    for (const keyId of await keyIdsOf(store, sourceName, id)) {
      newestByKey.set(keyId, { count: (newestByKey.get(keyId)?.count ?? 0) + 1, newestId: id });
    }
  }
  const keys = await openingKeysFor(context, sourceName);
  const found: Unopenable[] = [];
  for (const [keyId, { count, newestId }] of newestByKey) {
    try {
      await keys.openingKeyring(keyId);
    } catch (error) {
      if (!isHoldfastError(error, "KeyMissing", "KeyUnavailable")) throw error;
      const [reason] = isHoldfastError(error, "KeyUnavailable") ? error.details : [];
      found.push({ keyId, count, newestId, reason });
    }
  }
  return found;
}

/** The same of the newest `count` backups of a source. Errors: also those of the vault. */
export async function findNewestUnopenable(
  context: PipelineContext,
  sourceName: string,
  count: number,
): Promise<readonly Unopenable[]> {
  const vault = await context.vaultOf(requireSource(context.policy, sourceName).vault);
  const { backups } = await historyOf(context, vault, sourceName);
  const ids = backups.slice(-count).map(({ id }) => id);
  return findUnopenable(context, vault, sourceName, ids);
}

/** In one sentence for each key. */
export function describeUnopenable({ keyId, count, newestId, reason }: Unopenable): string {
  const what = count === 1 ? `backup ${newestId} was` : `${count} backups up to ${newestId} were`;
  const why =
    reason === undefined ? "which is not among the policy's keys" : `and a key of the policy cannot be loaded (${reason})`;
  return `${what} sealed with key ${keyId}, ${why}: nobody can open ${count === 1 ? "it" : "them"} without it`;
}

async function keyIdsOf(store: ObjectStore, source: string, id: string): Promise<ReadonlySet<string>> {
  const read = await readSoundManifest(store, { source, id });
  return new Set(read?.manifest.artifacts.map(({ keyId }) => keyId));
}
