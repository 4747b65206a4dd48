/** The plan of one source, with all that a plan relies on. */
import type { SourceConfig } from "../../policy/policy.ts";
import { planRetention, type RetentionBackup, type RetentionPlan } from "../../retention/plan-retention.ts";
import type { SignedVault } from "../../vault/vault.ts";
import type { SourceHistory } from "../catalogue/histories.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { gatherBackups } from "./gather-backups.ts";
import { planOnPositions } from "./plan-on-positions.ts";
import { planOnTrust } from "./plan-on-trust.ts";
import { planAmongLocks } from "./prune-locks.ts";
import { refuseLosses } from "./refuse-losses.ts";
import type { ReadReused } from "./reused-artifacts.ts";

export function onceOf<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/** The plan with everything that is known of readers and locks, and what it was made of. */
export async function planSource(
  context: PipelineContext,
  vault: SignedVault,
  { name, retention }: SourceConfig,
  readers: ReadonlyMap<string, string>,
  readReused: ReadReused,
  history: SourceHistory,
): Promise<{ readonly plan: RetentionPlan; readonly backups: readonly RetentionBackup[] }> {
  const { store } = vault;
  const moment = { now: context.run.clock.now(), timezone: context.policy.timezone };
  const settledMs = moment.now.getTime() - retention.minAgeSeconds * 1000;
  const gathered = await gatherBackups(context, vault, history, readers, settledMs, readReused);
  const planFor = (each: readonly RetentionBackup[]) => planRetention(each, retention, moment);
  const relied = await planOnTrust(context, vault, gathered, planFor);
  const placed = await planOnPositions(context, vault, name, relied, planFor);
  const { plan, backups } = await planAmongLocks(store, name, placed, planFor, readReused);
  return { plan: await refuseLosses(vault, name, history.unclaimed, plan), backups };
}
