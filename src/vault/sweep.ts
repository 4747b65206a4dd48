/**
 * The sweep: finds and collects what dead runs and interrupted deletions left behind. Rules:
 * docs/vault-format.md, "Order of deletes".
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { listHiddenHolds } from "./documents/hidden-documents.ts";
import { isHeld } from "./documents/holds.ts";
import { findLeaseProblem, type LeaseRecord } from "./documents/lease-record.ts";
import { readSmall } from "./documents/read-small.ts";
import { findTombstone, isSettledDeletion } from "./documents/tombstones.ts";
import {
  type BackupPlace,
  keyOf,
  parseArtifactKey,
  parseBackupId,
  parseDocumentKey,
  parseEvidenceKey,
  parseHoldKey,
} from "./layout.ts";
import { type LeaseStream, leaseStreams, streamOf } from "./lease-streams.ts";
import type { LeaseSubject } from "./leases.ts";
import { cursorOf, listRoom } from "./list-room.ts";
import type { ListedObject, ObjectStore } from "./object-store.ts";
import type { SignedVault } from "./vault.ts";

export interface SweepOptions {
  readonly now: Date;
  /** Nothing younger is an orphan: longer than the longest dump. */
  readonly graceSeconds: number;
  /** Where leases are kept, when not in the vault itself. */
  readonly leases?: ObjectStore;
  readonly signal?: AbortSignal;
  /**
   * Whether another backup names this artifact, or may name it. Asked once an artifact was found
   * whose own backup is gone: most sweeps never ask.
   */
  readonly isNamed: (key: string) => Promise<boolean>;
  /** Is given what is no object (a link, a pipe): it stays where it is, for a person to look at. */
  readonly onOdd?: (odd: ListedObject) => void;
}

export interface Orphan {
  readonly key: string;
  readonly bytes: number;
}

/**
 * How long an incomplete upload is left alone, whatever the grace: it may be another source's,
 * whose lease is not asked for. Longer than 5 TiB take at 10 MB/s; AWS's own lifecycle examples use
 * the same week.
 */
const staleUploadSeconds = 7 * 86_400;
/** How far a clock may have been set back between taking a lease and naming the backup. */
const leaseSlackMs = 3_600_000;

/**
 * Artifacts, evidence and holds of `source` whose backup was never committed or was deleted on
 * purpose, is not covered by a live lease of its stream, and which by their id and by the store's
 * own record are older than the grace; but no artifact that another backup names. Reads keys, the
 * leases, and some requests a backup. Errors: those of ObjectStore.
 */
export async function* findOrphans(
  vault: SignedVault,
  source: string,
  options: SweepOptions,
): AsyncGenerator<Orphan, void, undefined> {
  const { store } = vault;
  const beforeMs = options.now.getTime() - options.graceSeconds * 1000;
  const leases = await readLiveLeases(options.leases ?? store, source);
  for (const [room, parse] of rooms) {
    // Decided per backup, and after its objects were listed: a manifest that was committed
    // meanwhile is seen.
    let decided: { id: string; orphaned: boolean } | undefined;
    const manifests = cursorOf(listRoom(store, "manifests", parseDocumentKey, { source, signal: options.signal }));
    for await (const object of store.list(`${room}/${source}/`, { includeOdd: true, signal: options.signal })) {
      if (object.odd !== undefined) {
        options.onOdd?.(object);
        continue;
      }
      const id = parse(object.key)?.id ?? "";
      const parsed = parseBackupId(id);
      if (parsed === undefined) continue;
      const startedMs = parsed.startedAt.getTime();
      // By the id's time and by the store's: a clock that was wrong when the id was made is no
      // reason to delete.
      if (startedMs >= beforeMs || object.modifiedAt.getTime() >= beforeMs) continue;
      if (isCovered(startedMs, leases.get(streamOf(parsed.kind)))) continue;
      if (decided?.id !== id) {
        // Most have a manifest, and thousands need no request of their own: holds are few.
        const isListed = room !== "holds" && (await manifests.takeFor({ source, id })).length > 0;
        decided = { id, orphaned: !isListed && (await isOrphaned(vault, room, { source, id }, options.now)) };
      }
      if (decided.orphaned && !(room === "artifacts" && (await options.isNamed(object.key))))
        yield { key: object.key, bytes: object.bytes };
    }
  }
}

/**
 * Deletes what findOrphans finds, artifacts first and evidence of what they were last, and uploads
 * that nobody will complete. To be called under all of the source's leases. Resolves with what was
 * deleted.
 * Errors: those of ObjectStore; a re-run goes on.
 */
export async function sweepOrphans(vault: SignedVault, source: string, options: SweepOptions): Promise<readonly Orphan[]> {
  const orphans: Orphan[] = [];
  for await (const orphan of findOrphans(vault, source, options)) orphans.push(orphan);
  const { store } = vault;
  const swept: Orphan[] = [];
  for (const orphan of orphans) {
    options.signal?.throwIfAborted();
    // What is locked stays until its lock has ended, and a later sweep collects it.
    if ((await store.delete(orphan.key)) === undefined) swept.push(orphan);
  }
  const uploadSeconds = Math.max(options.graceSeconds, staleUploadSeconds);
  await store.abortStaleUploads(new Date(options.now.getTime() - uploadSeconds * 1000));
  return swept;
}

const rooms: readonly (readonly [string, (key: string) => BackupPlace | undefined])[] = [
  ["artifacts", parseArtifactKey],
  ["holds", parseHoldKey],
  ["evidence", parseEvidenceKey],
];

/**
 * Left by a run that died or by a deletion that was meant, never by a loss: without a tombstone,
 * what has evidence was a backup, and so was what has a manifest or evidence that the store only
 * hides. Evidence that nobody signed keeps what is there, too: it costs room, not data. A tombstone
 * counts when it is signed for certain and the store has had it for two days. A hold keeps what is
 * left of its backup even when the manifest is gone; it goes itself only when it holds nothing any
 * longer.
 */
async function isOrphaned(vault: SignedVault, room: string, { source, id }: BackupPlace, now: Date): Promise<boolean> {
  const { store } = vault;
  if ((await store.head(keyOf.manifest(source, id))) !== undefined) return false;
  if (room === "holds")
    return (
      !(await isAny(store.list(keyOf.artifact(source, id, ""), { includeOdd: true }))) && !(await hasEvidence(store, source, id))
    );
  if ((await isHeld(vault, source, id)) || (await isAny(listHiddenHolds(vault, source, id)))) return false;
  const tombstone = await findTombstone(vault, source, id);
  // Anyone who can hide a manifest can write a tombstone beside it: somebody must have had the time
  // to notice.
  if (tombstone !== undefined) return tombstone.certain && isSettledDeletion(tombstone, now);
  if (await hasEvidence(store, source, id)) return false;
  return (
    !(await isAny(store.listHidden(keyOf.manifest(source, id)))) &&
    !(await isAny(store.listHidden(keyOf.evidencePrefix(source, id))))
  );
}

function hasEvidence(store: ObjectStore, source: string, id: string): Promise<boolean> {
  return isAny(store.list(keyOf.evidencePrefix(source, id), { includeOdd: true }));
}

async function isAny(listing: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _each of listing) return true;
  return false;
}

/**
 * Whatever was begun under a lease that is not given back may still be written, however long it
 * takes.
 */
function isCovered(startedMs: number, lease: LeaseRecord | undefined): boolean {
  return lease !== undefined && startedMs >= Date.parse(lease.heldSince) - leaseSlackMs;
}

/**
 * The leases that are not given back: whether one has expired is judged by who wants to take it.
 */
async function readLiveLeases(store: ObjectStore, source: string): Promise<ReadonlyMap<LeaseStream, LeaseRecord | undefined>> {
  const live = new Map<LeaseStream, LeaseRecord | undefined>();
  for (const stream of leaseStreams) live.set(stream, await readLiveLease(store, { source, stream }));
  return live;
}

async function readLiveLease(store: ObjectStore, subject: LeaseSubject): Promise<LeaseRecord | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from((await readSmall(store, keyOf.lease(subject.source, subject.stream))).bytes).toString("utf8"));
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    if (isHoldfastError(error)) throw error;
    return undefined; // Not a lease: nobody can hold it.
  }
  return findLeaseProblem(value, subject) === undefined && !(value as LeaseRecord).released ? (value as LeaseRecord) : undefined;
}
