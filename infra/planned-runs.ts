/**
 * What the policy implies should happen, and when: the runs that schedules are made of. Sources
 * whose runs begin together share one: a stack has as many schedules as the policy has times,
 * however many sources there are.
 */
import { createHash } from "node:crypto";
import { slugOf } from "../functions/commons/source-names.ts";
import type { SourceConfig } from "../src/policy/policy.ts";
import type { Deployment } from "./deployment.ts";

export interface PlannedRun {
  /** Part of the execution's name: `backup-taskmaster-full`, `fleet-backup-full-1a2b3c4d`. */
  readonly name: string;
  /** Five fields, in the policy's time zone. */
  readonly cron: string;
  /** How long after that it may begin; absent: a few minutes. */
  readonly windowSeconds?: number | undefined;
  readonly machine: "backup" | "restore-test" | "verify" | "fleet";
  readonly input: Readonly<Record<string, unknown>>;
  /** How many sources it is about. */
  readonly sources: number;
}

/** A run of one source, before it is put together with those that begin with it. */
interface OwnRun {
  readonly source: string;
  /** What is done, beside the source: the same for all that can be started together. */
  readonly what: "backup" | "restore-test" | "verify";
  readonly kind?: string;
  readonly cron: string;
  readonly windowSeconds?: number | undefined;
}

/**
 * When backups are read back whose source's policy does not say: every day (requirements, R17),
 * after the usual hour of backups, and outside of the two hours in which clocks change.
 */
const dailyVerification = "0 5 * * *";

/**
 * One for each time at which backups of a kind, restore tests or verifications begin; and the daily
 * verification of all other sources.
 */
export function plannedRunsOf({ policy }: Deployment): readonly PlannedRun[] {
  const sources = Object.values(policy.sources);
  const others = sources.filter(({ verify }) => verify.schedule === undefined).map(({ name }) => name);
  // Without a list the machine takes all of the policy, and stays small however many there are.
  const input = others.length === sources.length ? {} : { sources: others };
  const daily = { name: "daily-verification", cron: dailyVerification, machine: "verify", input, sources: others.length } as const;
  const together = Map.groupBy(sources.flatMap(runsOfSource), ({ what, kind, cron, windowSeconds }) =>
    JSON.stringify([what, kind, cron, windowSeconds]),
  );
  return [...[...together].map(([key, runs]) => startTogether(key, runs)), ...(others.length === 0 ? [] : [daily])];
}

function runsOfSource({ name, schedules, windowSeconds, restoreTest, verify }: SourceConfig): OwnRun[] {
  const runs: OwnRun[] = Object.entries(schedules).map(([kind, cron]) => ({
    source: name,
    what: "backup",
    kind,
    cron,
    windowSeconds,
  }));
  if (restoreTest.schedule !== undefined) runs.push({ source: name, what: "restore-test", cron: restoreTest.schedule });
  if (verify.schedule !== undefined) runs.push({ source: name, what: "verify", cron: verify.schedule });
  return runs;
}

/** One run for all of them. `key`: what they have in common. */
function startTogether(key: string, runs: readonly OwnRun[]): PlannedRun {
  const sources = runs.map(({ source }) => source);
  const [{ source, what, kind, cron, windowSeconds } = missing] = runs;
  const about = { cron, windowSeconds, sources: runs.length };
  const of = kind === undefined ? "" : `-${kind}`;
  if (runs.length > 1) {
    // The time is part of the name: another time is another schedule.
    const name = `fleet-${what}${of}-${createHash("sha256").update(key).digest("hex").slice(0, 8)}`;
    if (what === "verify") return { ...about, name, machine: "verify", input: { sources } };
    return { ...about, name, machine: "fleet", input: { what, ...(kind === undefined ? {} : { kind }), sources } };
  }
  const name = `${what}-${slugOf(source)}${of}`;
  if (what === "verify") return { ...about, name, machine: what, input: { sources } };
  return { ...about, name, machine: what, input: { source, ...(kind === undefined ? {} : { kind }) } };
}

const missing: OwnRun = { source: "", what: "verify", cron: "" };
