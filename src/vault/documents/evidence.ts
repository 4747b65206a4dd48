/**
 * Evidence: what a check or test found about a backup; append-only. Its format is
 * docs/vault-format.md, "Evidence".
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { AssertionResult, Comparison, LoadFinding } from "../../proof/content.ts";
import type { RecordedDigest } from "../../proof/recorded-digest.ts";
import { lockLikeManifest } from "../backup-lock.ts";
import type { CheckName } from "../backup-state.ts";
import { type EvidenceKey, keyOf, parseEvidenceKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { canonicalJson } from "./canonical-json.ts";
import { findEvidenceProblem } from "./check-evidence.ts";
import { assertKnownVersion } from "./format-version.ts";
import { isFuture } from "./future.ts";
import { readDocument } from "./read-document.ts";

export interface Evidence {
  readonly formatVersion: 2;
  readonly source: string;
  readonly backupId: string;
  readonly check: CheckName;
  /** ISO 8601 with milliseconds, UTC; later than all earlier evidence of the backup. */
  readonly at: string;
  /**
   * What the clock said, where that was not later than the evidence before it (a clock set back).
   */
  readonly clockAt?: string;
  /** SHA-256 of the manifest's bytes that the check read. */
  readonly manifestSha256: string;
  readonly holdfastVersion: string;
  /** Who ran it: host and process, or an execution. */
  readonly by: string;
  /** What it found, in sentences; a damaged or unproven one has at least one. */
  readonly findings: readonly string[];
  readonly digest?: RecordedDigest;
  readonly sourceCheck?: Comparison;
  readonly comparison?: Comparison;
  readonly loadFindings?: readonly LoadFinding[];
  readonly assertions?: readonly AssertionResult[];
  /** Milliseconds per phase. */
  readonly timings?: Readonly<Record<string, number>>;
  readonly objective?: { readonly rtoSeconds: number; readonly measuredSeconds: number; readonly met: boolean };
  /** Facts of the place it was restored into. */
  readonly place?: Readonly<Record<string, unknown>>;
  /** For `accepted`: the person's reason. */
  readonly reason?: string;
}

/**
 * How often a name that another writer took in the same millisecond is bumped, before something
 * else must be wrong.
 */
const mostBumps = 1000;

/**
 * Adds evidence; what is there stays. Its time is put after that of all earlier evidence of the
 * backup, so that a clock set back cannot make an old finding the newest (`clockAt` then has the
 * clock's own words), and after that of one written in the same millisecond. Where the vault locks,
 * it is locked like its backup's manifest, so that both can go together. Resolves with the key it
 * stands under. Errors: Internal (it breaks the format), those of ObjectStore.
 */
export async function appendEvidence(store: ObjectStore, evidence: Evidence): Promise<EvidenceKey> {
  const problem = findEvidenceProblem(evidence);
  if (problem !== undefined) throw new HoldfastError("Internal", `evidence that breaks the format was to be written: ${problem}`);
  const { source, backupId, check } = evidence;
  const clockMs = Date.parse(evidence.at);
  // What is dated in the future counts for nothing: behind it, nothing new would count either.
  const earlier = (await listEvidence(store, source, backupId)).filter(({ at }) => !isFuture(at, new Date(clockMs)));
  const newest = earlier.at(-1);
  const options = { ...(await lockLikeManifest(store, source, backupId, new Date(clockMs))), ifAbsent: true };
  const firstMs = newest === undefined ? clockMs : Math.max(clockMs, Date.parse(newest.at) + 1);
  for (let atMs = firstMs; atMs < firstMs + mostBumps; atMs += 1) {
    const at = new Date(atMs);
    const dated = atMs === clockMs ? evidence : { ...evidence, at: at.toISOString(), clockAt: evidence.at };
    const key = keyOf.evidence(source, backupId, at, check);
    try {
      await store.put(key, canonicalJson(dated), options);
      return { key, at: dated.at, check };
    } catch (error) {
      if (!isHoldfastError(error, "ObjectExists")) throw error;
    }
  }
  throw new HoldfastError("StoreConflict", `${mostBumps} names for evidence of ${backupId} in ${store.url} were all taken`);
}

/**
 * All evidence of a backup, oldest first, from the keys alone. Errors: those of ObjectStore.list.
 */
export async function listEvidence(store: ObjectStore, source: string, id: string): Promise<EvidenceKey[]> {
  const found: EvidenceKey[] = [];
  for await (const { key } of store.list(keyOf.evidencePrefix(source, id), { includeOdd: true })) {
    const parsed = parseEvidenceKey(key);
    if (parsed !== undefined) found.push({ key, at: parsed.at, check: parsed.check });
  }
  return found;
}

/**
 * Reads and checks one piece of evidence, as listed. Errors: EvidenceInvalid, VaultInvalid (of a
 * newer Holdfast), those of ObjectStore.get.
 */
export async function readEvidence(store: ObjectStore, key: string): Promise<Evidence> {
  const place = parseEvidenceKey(key);
  if (place === undefined) throw new HoldfastError("EvidenceInvalid", `${key} is not the key of evidence`);
  const { value, where } = await readDocument(store, key, { error: "EvidenceInvalid" });
  assertKnownVersion(value, where);
  const problem = findEvidenceProblem(value);
  if (problem !== undefined) throw new HoldfastError("EvidenceInvalid", `${where} breaks the format: ${problem}`);
  const evidence = value as Evidence;
  const { source, backupId, check, at } = evidence;
  if (source !== place.source || backupId !== place.id || check !== place.check || at !== place.at) {
    throw new HoldfastError("EvidenceInvalid", `${where} is evidence "${check}" of ${at} about ${backupId} of source "${source}"`);
  }
  return evidence;
}

/**
 * The newest evidence, or the newest of the named checks; undefined when there is none. Errors:
 * those of readEvidence.
 */
export async function newestEvidence(
  store: ObjectStore,
  source: string,
  id: string,
  ...checks: readonly CheckName[]
): Promise<Evidence | undefined> {
  const newest = (await listEvidence(store, source, id)).findLast(({ check }) => checks.length === 0 || checks.includes(check));
  return newest === undefined ? undefined : readEvidence(store, newest.key);
}
