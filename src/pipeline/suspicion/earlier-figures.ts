/** What earlier backups of a source held, as far as they can be compared with. */
import type { BackupEntry } from "../../vault/catalogue.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { readSoundEvidence } from "../catalogue/read-valid-evidence.ts";
import { historyOf } from "../catalogue/source-history.ts";
import { openRecordedDigest } from "../opening/digest-keys.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { chooseBaseline } from "./choose-baseline.ts";
import { type ContentFigures, figuresOf } from "./content-figures.ts";

/** How far back small losses are summed up, as long as no person accepted a change meanwhile. */
const recentMs = 30 * 86_400_000;

/**
 * The figures of the trusted backups of the kind before this one, oldest first, from the evidence
 * of their verification; and how many of the newest are recent: of the last month, and not from
 * before a change that a person accepted. Errors: those of ObjectStore.
 */
export async function readEarlierFigures(
  context: PipelineContext,
  { entry, vault }: FoundBackup,
): Promise<{ readonly history: readonly ContentFigures[]; readonly recentCount: number }> {
  const trusted: BackupEntry[] = [];
  for (const other of (await historyOf(context, vault, entry.source)).backups) {
    if (other.id >= entry.id) break;
    if (other.kind !== entry.kind || other.suspicious || (other.state !== "verified" && other.state !== "proven")) continue;
    trusted.push(other);
  }
  const history: ContentFigures[] = [];
  let recentCount = 0;
  for (const other of chooseBaseline(trusted, entry.startedAt)) {
    const key = other.checks.findLast(({ check }) => check === "verified" || check === "suspicious")?.key;
    const evidence = key === undefined ? undefined : await readSoundEvidence(vault.store, key);
    if (evidence?.digest !== undefined) {
      history.push(figuresOf(await openRecordedDigest(context, vault, other, evidence.digest)));
      if (other.checks.some(({ check }) => check === "accepted")) recentCount = 0;
      if (entry.startedAt.getTime() - other.startedAt.getTime() <= recentMs) recentCount += 1;
    } else context.run.log.warn("an earlier backup cannot be compared with: no evidence of it can be read", { backup: other.id });
  }
  return { history, recentCount };
}
