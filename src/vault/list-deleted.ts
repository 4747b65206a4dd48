/**
 * Backups that were deleted on purpose, as it seems, a short time ago, and of which something is
 * left: still time to object.
 */

import { reusingKinds } from "./documents/reusing-kinds.ts";
import {
  findTombstone,
  isSettledDeletion,
  listTombstones,
  minDeletionAgeMs,
  type StoredTombstone,
} from "./documents/tombstones.ts";
import {
  type BackupPlace,
  keyOf,
  parseArtifactKey,
  parseBackupId,
  parseDocumentKey,
  parseEvidenceKey,
  type SignedKey,
} from "./layout.ts";
import { listRoom } from "./list-room.ts";
import type { ObjectStore } from "./object-store.ts";
import { judgeName } from "./signed-documents.ts";
import type { SignedVault } from "./vault.ts";

const hourMs = 3_600_000;
/** Up to so many tombstones are asked after one by one; of more, what is left is listed. */
const maxAsked = 20;

export interface RecentDeletion extends BackupPlace {
  readonly deletedAt: Date;
  /** Nothing that is left of it is collected before. */
  readonly keptUntil: Date;
}

export interface DeletionOptions {
  readonly now: Date;
  readonly source?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Backups of a source, or of all, whose tombstone is not trusted yet, whose manifest is gone, and
 * of which more is left than what later backups may name: a prune died while it deleted them, or
 * somebody put an old tombstone back who wants a prune to finish their work. Reads keys only.
 * Errors: those of ObjectStore.
 */
export async function* listRecentDeletions(
  vault: SignedVault,
  { now, ...options }: DeletionOptions,
): AsyncGenerator<RecentDeletion, void, undefined> {
  const { store } = vault;
  const young = new Map<string, (SignedKey & Pick<StoredTombstone, "storedAt">)[]>();
  for await (const name of listTombstones(store, options)) {
    if (isSettledDeletion(name, now)) continue;
    const known = young.get(name.source);
    if (known === undefined) young.set(name.source, [name]);
    else known.push(name);
  }
  for (const names of young.values()) {
    // Thousands of logs go in two days, and hardly one is left over.
    const left = names.length > maxAsked ? await findLeft(store, names, options.signal) : undefined;
    let last = "";
    for (const name of names) {
      const { source, id } = name;
      // One backup may have several.
      if (last === id || left?.has(id) === false || judgeName(vault, name) === "forged") continue;
      if (!(await isUnfinished(store, name))) continue;
      const tombstone = await findTombstone(vault, source, id);
      if (tombstone === undefined || isSettledDeletion(tombstone, now)) continue;
      last = id;
      const deletedAt = tombstone.storedAt;
      yield { source, id, deletedAt, keptUntil: new Date(deletedAt.getTime() + minDeletionAgeMs) };
    }
  }
}

/**
 * Ids of the source with evidence or artifacts and without a manifest, from the oldest tombstone
 * on.
 */
async function findLeft(
  store: ObjectStore,
  tombstones: readonly BackupPlace[],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const [{ source, id: since } = { source: "", id: "" }] = tombstones;
  const left = new Set<string>();
  for await (const { id } of listRoom(store, "evidence", parseEvidenceKey, { source, since, signal })) left.add(id);
  for await (const { id } of listRoom(store, "artifacts", parseArtifactKey, { source, since, signal })) left.add(id);
  for await (const { id } of listRoom(store, "manifests", parseDocumentKey, { source, since, signal })) left.delete(id);
  return left;
}

async function isUnfinished(store: ObjectStore, { source, id }: BackupPlace): Promise<boolean> {
  if ((await store.head(keyOf.manifest(source, id))) !== undefined) return false;
  for (const prefix of [keyOf.evidencePrefix(source, id), keyOf.manifestSeal(source, id)]) {
    if (await isAny(store.list(prefix, { includeOdd: true }))) return true;
  }
  // A deletion that came to its end left artifacts only where later backups name them.
  return (await isAny(store.list(keyOf.artifact(source, id, ""), { includeOdd: true }))) && !(await isReusable(store, source, id));
}

/**
 * Whether a later backup of the source may name what this one stored; by its kind, without reading
 * it.
 */
async function isReusable(store: ObjectStore, source: string, id: string): Promise<boolean> {
  for await (const { key } of store.list(`manifests/${source}/`, { startAfter: keyOf.manifest(source, id), includeOdd: true })) {
    const kind = parseBackupId(parseDocumentKey(key)?.id ?? "")?.kind;
    if (kind !== undefined && reusingKinds.has(kind)) return true;
  }
  return false;
}

async function isAny(listing: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _each of listing) return true;
  return false;
}

/** What to say of one, and what to do when nobody of yours deleted it. */
export function describeDeletion(
  { source, id, deletedAt, keptUntil }: RecentDeletion,
  url: string,
  now: Date,
): { readonly message: string; readonly remedy: string } {
  const hours = Math.max(0, Math.floor((now.getTime() - deletedAt.getTime()) / hourMs));
  return {
    message:
      `backup ${id} of "${source}" was deleted ${hours} ${hours === 1 ? "hour" : "hours"} ago, as its tombstone says; ` +
      `its objects in ${url} are kept until ${keptUntil.toISOString()}`,
    remedy:
      `If nobody of yours pruned it, bring ${keyOf.manifest(source, id)} back before then, from a copy of the vault or from the bucket's ` +
      "older versions (`holdfast vault undelete`), and find out who wrote the tombstone. If a prune was cut off, nothing needs to be done.",
  };
}
