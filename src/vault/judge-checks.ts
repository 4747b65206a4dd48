/**
 * Which evidence of a backup counts: of each check, the newest that one of the policy's keys
 * signed. What is older of the same check changes no state, and need not be judged.
 */
import type { CheckName } from "./backup-state.ts";
import { isFuture } from "./documents/future.ts";
import { type EvidenceKey, parseEvidenceKey, type SignedKey } from "./layout.ts";
import { compareKeys } from "./object-key.ts";
import { judgeName } from "./signed-documents.ts";
import type { SignedVault } from "./vault.ts";

export interface JudgedChecks {
  /** The newest of each check that counts; oldest first. */
  readonly checks: readonly EvidenceKey[];
  /** Those behind them, not judged; oldest first. */
  readonly earlier: readonly EvidenceKey[];
  /** Signed, and dated in the future. */
  readonly future: readonly EvidenceKey[];
  /** What was found not to be signed by any of the policy's keys. */
  readonly forged: readonly string[];
  /** Whether something counts here only because nobody could tell whether it was signed. */
  readonly unknown: boolean;
}

/** Judges the listed evidence of one backup, oldest first. Reads nothing. */
export function judgeChecks(
  vault: Pick<SignedVault, "id" | "verifier">,
  listed: readonly (EvidenceKey & SignedKey)[],
  now: Date,
): JudgedChecks {
  const decided = new Set<CheckName>();
  const checks: EvidenceKey[] = [];
  const earlier: EvidenceKey[] = [];
  const future: EvidenceKey[] = [];
  const forged: string[] = [];
  let unknown = false;
  for (const name of listed.toReversed()) {
    const { key, at, check, storedAt } = name;
    const one: EvidenceKey = { key, at, check, ...(storedAt === undefined ? {} : { storedAt }) };
    const isDecided = decided.has(check);
    const isLater = isFuture(at, now);
    if (isDecided && !isLater) {
      earlier.push(one);
      continue;
    }
    const verdict = judgeName(vault, name);
    if (verdict === "forged") forged.push(key);
    else if (isLater) future.push(one);
    else {
      decided.add(check);
      checks.push(one);
      unknown ||= verdict === "unknown";
    }
  }
  return {
    checks: checks.reverse(),
    earlier: earlier.reverse(),
    future: future.reverse(),
    forged: forged.reverse(),
    unknown,
  };
}

/** All of these that count, judged one by one; in their order. */
export function keepGenuine(vault: Pick<SignedVault, "id" | "verifier">, keys: readonly EvidenceKey[]): EvidenceKey[] {
  return keys.filter(({ key }) => {
    const name = parseEvidenceKey(key);
    return name !== undefined && judgeName(vault, name) !== "forged";
  });
}

/** Of each check, the newest that counts among those that the store had by then; oldest first. */
export function checksStoredBy(
  vault: Pick<SignedVault, "id" | "verifier">,
  entry: { readonly checks: readonly EvidenceKey[]; readonly earlierChecks: readonly EvidenceKey[] },
  byMs: number,
): readonly EvidenceKey[] {
  const counted = new Set(entry.checks);
  const decided = new Set<CheckName>();
  const all = [...entry.checks, ...entry.earlierChecks].sort((a, b) => compareKeys(b.key, a.key));
  const settled = all.filter((each) => {
    if ((each.storedAt?.getTime() ?? 0) > byMs || decided.has(each.check)) return false;
    const counts = counted.has(each) || keepGenuine(vault, [each]).length > 0;
    if (counts) decided.add(each.check);
    return counts;
  });
  return settled.reverse();
}
