/** What the policy implies should happen, and when: the runs that schedules are made of. */
import { slugOf } from "../functions/commons/source-names.ts";
import type { SourceConfig } from "../src/policy/policy.ts";
import type { Deployment } from "./deployment.ts";

export interface PlannedRun {
  /** Part of the execution's name: `backup-taskmaster-full`. */
  readonly name: string;
  /** Five fields, in the policy's time zone. */
  readonly cron: string;
  /** How long after that it may begin; absent: a few minutes. */
  readonly windowSeconds?: number | undefined;
  readonly machine: "backup" | "restore-test" | "verify";
  readonly input: Readonly<Record<string, unknown>>;
}

/**
 * When backups are read back whose source's policy does not say: every day (requirements, R17),
 * after the usual hour of backups, and outside of the two hours in which clocks change.
 */
const dailyVerification = "0 5 * * *";

/**
 * One for each source and kind, each restore test and each verification; and the daily verification
 * of all other sources.
 */
export function plannedRunsOf({ policy }: Deployment): readonly PlannedRun[] {
  const sources = Object.values(policy.sources);
  const others = sources.filter(({ verify }) => verify.schedule === undefined).map(({ name }) => name);
  // Without a list the machine takes all of the policy, and stays small however many there are.
  const input = others.length === sources.length ? {} : { sources: others };
  return [
    ...sources.flatMap(plannedRunsOfSource),
    ...(others.length === 0 ? [] : [{ name: "daily-verification", cron: dailyVerification, machine: "verify" as const, input }]),
  ];
}

function plannedRunsOfSource({ name, schedules, windowSeconds, restoreTest, verify }: SourceConfig): PlannedRun[] {
  const slug = slugOf(name);
  const runs: PlannedRun[] = Object.entries(schedules).map(([kind, cron]) => ({
    name: `backup-${slug}-${kind}`,
    cron,
    windowSeconds,
    machine: "backup",
    input: { source: name, kind },
  }));
  if (restoreTest.schedule !== undefined)
    runs.push({ name: `restore-test-${slug}`, cron: restoreTest.schedule, machine: "restore-test", input: { source: name } });
  if (verify.schedule !== undefined)
    runs.push({ name: `verify-${slug}`, cron: verify.schedule, machine: "verify", input: { sources: [name] } });
  return runs;
}
