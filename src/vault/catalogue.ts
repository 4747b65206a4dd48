/**
 * The catalogue: every backup with its state, from the keys of three listings alone, in memory that
 * does not grow with their number.
 */
import type { HoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind } from "../policy/policy.ts";
import type { Standing } from "../proof/standing.ts";
import { type BackupState, stateOf } from "./backup-state.ts";
import { isFuture } from "./documents/future.ts";
import { judgeChecks } from "./judge-checks.ts";
import {
  type BackupPlace,
  type EvidenceKey,
  parseBackupId,
  parseDocumentKey,
  parseEvidenceKey,
  parseHoldKey,
  type SignedKey,
} from "./layout.ts";
import { cursorOf, listRoom, type RoomOptions } from "./list-room.ts";
import type { ObjectStore } from "./object-store.ts";
import { judgeName } from "./signed-documents.ts";
import type { SignedVault } from "./vault.ts";

/**
 * What a listing knows of a backup. What signatures decide (its state, checks, holds and all that
 * is forged) is judged when it is first asked for: most entries of a long history are listed, and
 * never asked.
 */
export interface BackupEntry {
  readonly source: string;
  readonly id: string;
  readonly kind: BackupKind;
  readonly startedAt: Date;
  readonly state: BackupState;
  readonly suspicious: boolean;
  /** Of each check, the newest that counts; oldest first. */
  readonly checks: readonly EvidenceKey[];
  /** Those behind them, of which nobody has asked whether they count (judge-checks.ts). */
  readonly earlierChecks: readonly EvidenceKey[];
  /**
   * What it builds on: an id, or empty where nothing is there that it could build on. Absent for
   * what stands alone, and where it was not listed with its source (chains.ts).
   */
  readonly base?: string;
  /** What its own checks leave it; absent where that is `state` and `suspicious`. */
  readonly own?: Standing;
  /** Evidence that is dated in the future, and counts for nothing. */
  readonly futureChecks: readonly EvidenceKey[];
  /** Evidence and holds that none of the policy's keys signed: they count for nothing. */
  readonly forged: readonly string[];
  /**
   * Why nobody could tell of some evidence whether it was signed: a public key is not at hand. It
   * counts here, but nothing may be deleted for it.
   */
  readonly unchecked?: HoldfastError | undefined;
  /**
   * Whether the backup itself is dated in the future: then it counts for no objective, and is
   * nobody's latest.
   */
  readonly future: boolean;
  readonly held: boolean;
  /**
   * When the store got its manifest, by the store's own time; known where it was listed with
   * others.
   */
  readonly storedAt?: Date;
}

export interface ListOptions extends RoomOptions {
  /** By the clock: what is dated later counts for nothing. */
  readonly now: Date;
  /** Only ids of the source that sort after it. */
  readonly since?: string | undefined;
  /**
   * Is given each backup that has evidence and was listed without a manifest: lost, deleted on
   * purpose, or deleted since (list-lost.ts).
   */
  readonly onUnclaimed?: ((place: BackupPlace) => void) | undefined;
  /**
   * Is given the key of each evidence and each hold that none of the policy's keys signed, whether
   * a backup belongs to it or not; then every name is judged.
   */
  readonly onForged?: ((key: string) => void) | undefined;
}

/**
 * All backups, by source and then by age, oldest first: whatever has a manifest, joined with its
 * evidence and holds, as far as they are signed. Reads no object. Keys that are not the layout's
 * are skipped. Errors: those of ObjectStore.list.
 */
export async function* listBackups(vault: SignedVault, options: ListOptions): AsyncGenerator<BackupEntry, void, undefined> {
  const { store } = vault;
  const { onUnclaimed, onForged } = options;
  const evidence = reportForged(vault, listRoom(store, "evidence", parseEvidenceKey, options), onForged);
  const holds = reportForged(vault, listRoom(store, "holds", parseHoldKey, options), onForged);
  const evidenceCursor = cursorOf(evidence, onUnclaimed);
  const holdCursor = cursorOf(holds);
  try {
    for await (const place of listRoom(store, "manifests", parseDocumentKey, options)) {
      const found = { checks: await evidenceCursor.takeFor(place), holds: await holdCursor.takeFor(place) };
      const entry = entryOf(vault, place, found, options.now);
      if (entry !== undefined) yield entry;
    }
    if (onUnclaimed !== undefined || onForged !== undefined) await evidenceCursor.skipRest();
    if (onForged !== undefined) await holdCursor.skipRest();
  } finally {
    await evidence.return();
    await holds.return();
  }
}

async function* reportForged<N extends SignedKey>(
  vault: SignedVault,
  names: AsyncGenerator<N, void, undefined>,
  onForged: ListOptions["onForged"],
): AsyncGenerator<N, void, undefined> {
  for await (const name of names) {
    if (onForged !== undefined && judgeName(vault, name) === "forged") onForged(name.key);
    yield name;
  }
}

/**
 * Source and id of every backup, in the order of listBackups, from the manifests' keys alone.
 * Errors: those of ObjectStore.list.
 */
export function listPlaces(store: ObjectStore, options: RoomOptions): AsyncGenerator<BackupPlace, void, undefined> {
  return listRoom(store, "manifests", parseDocumentKey, options);
}

/**
 * The sources that have backups, in order. Takes one listing call a source. Errors: those of
 * ObjectStore.list.
 */
export async function* listSources(
  store: ObjectStore,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<string, void, undefined> {
  let source = await nextSource(store, undefined, options);
  while (source !== undefined) {
    yield source;
    source = await nextSource(store, source, options);
  }
}

/**
 * The entry of a backup of which this is known; undefined when the id cannot be one. No signature
 * is verified before a member that it decides is read, and none twice. A copy by spreading reads
 * them all.
 */
export function entryOf(
  vault: SignedVault,
  { source, id, storedAt }: BackupPlace & { readonly storedAt?: Date },
  found: FoundNames,
  now: Date,
): BackupEntry | undefined {
  const parsed = parseBackupId(id);
  if (parsed === undefined) return undefined;
  const { startedAt, kind } = parsed;
  const evidence = once(() => judgeEvidence(vault, found, now));
  const forgedHolds = once(() => found.holds.filter((name) => judgeName(vault, name) === "forged"));
  return {
    source,
    id,
    kind,
    startedAt,
    future: isFuture(startedAt, now),
    ...(storedAt === undefined ? {} : { storedAt }),
    get state() {
      return evidence().state;
    },
    get suspicious() {
      return evidence().suspicious;
    },
    get checks() {
      return evidence().checks;
    },
    get earlierChecks() {
      return evidence().earlier;
    },
    get futureChecks() {
      return evidence().future;
    },
    get forged() {
      return [...evidence().forged, ...forgedHolds().map(({ key }) => key)];
    },
    get unchecked() {
      return evidence().unknown ? vault.verifier.lacking : undefined;
    },
    get held() {
      return forgedHolds().length < found.holds.length;
    },
  };
}

/** A backup's evidence and holds as they were listed: nobody has judged them. */
export interface FoundNames {
  readonly checks: readonly (EvidenceKey & SignedKey)[];
  readonly holds: readonly SignedKey[];
}

function judgeEvidence(vault: SignedVault, { checks: listed }: FoundNames, now: Date) {
  const judged = judgeChecks(vault, listed, now);
  return { ...judged, ...stateOf(judged.checks.map(({ check }) => check)) };
}

function once<T>(work: () => T): () => T {
  let done: { readonly result: T } | undefined;
  return () => {
    done ??= { result: work() };
    return done.result;
  };
}

async function nextSource(
  store: ObjectStore,
  after: string | undefined,
  options: { readonly signal?: AbortSignal },
): Promise<string | undefined> {
  // "0" is the character after the slash: every key of the source sorts before it.
  const startAfter = after === undefined ? {} : { startAfter: `manifests/${after}0` };
  for await (const { key } of store.list("manifests/", { ...options, ...startAfter, includeOdd: true })) {
    const place = parseDocumentKey(key);
    if (place !== undefined) return place.source;
  }
  return undefined;
}
