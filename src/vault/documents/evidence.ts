/**
 * Evidence: what a check or test found about a backup; append-only. Its format is
 * docs/vault-format.md, "Evidence".
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { AssertionResult, Comparison, LoadFinding } from "../../proof/content.ts";
import type { ErasureReport } from "../../proof/erasure.ts";
import type { RecordedDigest } from "../../proof/recorded-digest.ts";
import type { Signer } from "../../proof/statement.ts";
import { lockLikeManifest } from "../backup-lock.ts";
import type { CheckName } from "../backup-state.ts";
import { type EvidenceKey, keyOf, parseEvidenceKey, type SignedKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { judgeName, matchesName, signDocument } from "../signed-documents.ts";
import type { SignedVault } from "../vault.ts";
import { canonicalJson } from "./canonical-json.ts";
import { findEvidenceProblem } from "./check-evidence.ts";
import { isFuture } from "./future.ts";
import type { Shape } from "./json-shape.ts";
import { notSigned, readDocument } from "./read-document.ts";

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
  /** Of `restored`: what was erased from production since, and taken out of the copy. */
  readonly erasures?: Omit<ErasureReport, "problems"> & { readonly problems: number };
  /** For `accepted`: the person's reason. */
  readonly reason?: string;
}

/**
 * Adds evidence, signed; what is there stays. Its time is put after that of all earlier evidence of
 * the backup that counts, so that a clock set back cannot make an old finding the newest (`clockAt`
 * then has what the clock said). Where the vault locks, it is locked like its backup's manifest, so
 * that both can go together. Resolves with the key it stands under. Errors: Internal (it breaks the
 * format), those of the signer and of ObjectStore.
 */
export async function appendEvidence(vault: SignedVault, evidence: Evidence, signer: Signer): Promise<EvidenceKey> {
  const problem = findEvidenceProblem(evidence);
  if (problem !== undefined) throw new HoldfastError("Internal", `evidence that breaks the format was to be written: ${problem}`);
  const { store } = vault;
  const { source, backupId: id, check } = evidence;
  const clockMs = Date.parse(evidence.at);
  const newest = findNewest(vault, await listEvidence(store, source, id), new Date(clockMs));
  const at = new Date(newest === undefined ? clockMs : Math.max(clockMs, Date.parse(newest.at) + 1));
  const dated = at.getTime() === clockMs ? evidence : { ...evidence, at: at.toISOString(), clockAt: evidence.at };
  const bytes = canonicalJson(dated);
  const signed = await signDocument(vault.id, signer, { kind: "evidence", source, id, at, check }, bytes);
  const key = keyOf.evidence(source, id, at, check, signed);
  const lock = await lockLikeManifest(store, source, id, new Date(clockMs));
  try {
    await store.put(key, bytes, { ...lock, ifAbsent: true });
  } catch (error) {
    // The name says what stands there: the same finding, by the same run.
    if (!isHoldfastError(error, "ObjectExists")) throw error;
  }
  return { key, at: dated.at, check };
}

/**
 * The newest that counts. What is dated in the future, or was not signed, counts for nothing:
 * behind it, nothing new would count either.
 */
function findNewest(vault: SignedVault, listed: readonly (EvidenceKey & SignedKey)[], now: Date): EvidenceKey | undefined {
  return listed.findLast((name) => !isFuture(name.at, now) && judgeName(vault, name) !== "forged");
}

/**
 * All evidence of a backup, oldest first, from the keys alone and whether it counts or not. Errors:
 * those of ObjectStore.list.
 */
export async function listEvidence(store: ObjectStore, source: string, id: string): Promise<(EvidenceKey & SignedKey)[]> {
  const found: (EvidenceKey & SignedKey)[] = [];
  for await (const { key } of store.list(keyOf.evidencePrefix(source, id), { includeOdd: true })) {
    const parsed = parseEvidenceKey(key);
    if (parsed !== undefined) found.push(parsed);
  }
  return found;
}

/**
 * Reads and checks one piece of evidence under a name that was judged: its bytes must be those that
 * were signed. Errors: EvidenceInvalid, VaultInvalid (of a newer Holdfast), those of
 * ObjectStore.get.
 */
export async function readEvidence(store: ObjectStore, key: string): Promise<Evidence> {
  const place = parseEvidenceKey(key);
  if (place === undefined) throw new HoldfastError("EvidenceInvalid", `${key} is not the key of evidence`);
  const { value: evidence, where } = await readDocument(store, key, {
    name: "evidence",
    shape: findEvidenceProblem as Shape<Evidence>,
    bytesProblem: (bytes) => (matchesName(place, bytes) ? undefined : notSigned),
    error: "EvidenceInvalid",
  });
  const { source, backupId, check, at } = evidence;
  if (source !== place.source || backupId !== place.id || check !== place.check || at !== place.at) {
    throw new HoldfastError("EvidenceInvalid", `${where} is evidence "${check}" of ${at} about ${backupId} of source "${source}"`);
  }
  return evidence;
}
