/** Where the logs of a source leave instants out within its recovery window. */
import type { SourceConfig } from "../../policy/policy.ts";
import type { StatusGap } from "../../report/status-model.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { isFirstLog } from "../../vault/layout.ts";
import type { Vault } from "../../vault/vault.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { coverageReader } from "./choose-backup.ts";

/**
 * The times that the recovery window promises and no log has: between the end of the newest sound
 * log and where the next series of logs begins. Reads the manifests of first logs of the window and
 * of the log before each; within a series a log goes on where the one before it ends. `entries` are
 * the source's, oldest first. Errors: those of ObjectStore.get.
 */
export async function findGaps(
  context: PipelineContext,
  vault: Vault,
  { name, retention }: SourceConfig,
  entries: readonly BackupEntry[],
): Promise<StatusGap[]> {
  const sinceMs = context.run.clock.now().getTime() - (retention.recoveryWindowSeconds ?? 0) * 1000;
  const logs = entries.filter(({ kind, state, future }) => kind === "log" && state !== "damaged" && !future);
  const coverageOf = coverageReader(context, vault);
  const gaps: StatusGap[] = [];
  for (const [index, entry] of logs.entries()) {
    const before = logs[index - 1];
    if (before === undefined || entry.startedAt.getTime() < sinceMs || !isFirstLog(entry.id)) continue;
    const [from, to] = [(await coverageOf(before))?.to.at, (await coverageOf(entry))?.from?.at];
    if (from !== undefined && to !== undefined && from < to && Date.parse(to) > sinceMs) gaps.push({ source: name, from, to });
  }
  return gaps;
}
