/** A restore test without the pipeline, with all that its verdict rests on. */
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresThrowaway } from "../../../src/engines/postgres/place/throwaway.ts";
import { decide } from "../../../src/pipeline/restore-test.ts";
import type { PostgresSource } from "../../../src/policy/engines/postgres/source.ts";
import type { Comparison, ContentDigest, Difference, LoadFinding } from "../../../src/proof/content.ts";
import type { TakenBackup } from "./taken-backup.ts";

/**
 * A verdict with what speaks against it. Tests compare all of it at once: where it is another one
 * than expected, the failure shows why.
 */
export interface Verdict {
  readonly check: string;
  /** Findings that mean something: damage, and what the server lacks. */
  readonly against: readonly LoadFinding[];
  readonly differences: readonly Difference[];
}

export interface Tested {
  readonly verdict: Verdict;
  readonly findings: readonly LoadFinding[];
  readonly comparison: Comparison;
}

export const proven: Verdict = { check: "proven", against: [], differences: [] };

/** Loads the backup into a throwaway server and judges it. Errors: those of the steps. */
export async function prove(
  { backup, context }: TakenBackup,
  restoreTest: Partial<PostgresSource["restoreTest"]> = {},
  digest?: ContentDigest,
): Promise<Tested> {
  const first = digest ?? (await digestPostgresBackup(backup, context));
  const place = await openPostgresThrowaway(backup, context, { restoreTest: { assertions: [], ...restoreTest } });
  try {
    const { findings } = await place.load();
    const comparison = await place.compare(first);
    const sourceCheck = await place.compareSourceCheck(backup.sourceCheck);
    const against = findings.filter((finding) => finding.class === "damage" || finding.class === "lacking");
    const differences = [...comparison.differences, ...sourceCheck.differences];
    return { verdict: { check: decide(findings, comparison, sourceCheck, []).check, against, differences }, findings, comparison };
  } finally {
    await place.close();
  }
}
