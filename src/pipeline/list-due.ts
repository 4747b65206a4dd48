/**
 * The step that lists what a run over many sources has to do: backups to read back, or sources by
 * priority.
 */
import type { BackupKind, SourceConfig, Tier, VaultConfig } from "../policy/policy.ts";
import type { BackupEntry } from "../vault/catalogue.ts";
import { listEntries } from "./list-source.ts";
import { findVault, type PipelineContext, requireSource } from "./pipeline-context.ts";

export interface DueBackup {
  readonly source: string;
  readonly backupId: string;
}

export interface FleetMember {
  readonly source: string;
  readonly kind: BackupKind;
}

const dayMs = 86_400_000;
const tierOrder: readonly Tier[] = ["critical", "important", "standard"];

/**
 * The named sources, or all of the policy; the most critical tier first, then in the policy's
 * order. `kind`: of the backup that each is to make. Errors: SourceNotFound.
 */
export function listFleet(context: PipelineContext, names: readonly string[], kind: BackupKind = "full"): FleetMember[] {
  const rank = ({ tier }: SourceConfig): number => tierOrder.indexOf(tier);
  return sourcesNamed(context, names)
    .sort((a, b) => rank(a) - rank(b))
    .map(({ name }) => ({ source: name, kind }));
}

/**
 * The backups whose newest check is older than `seconds`, those that were never read back and then
 * the longest unread first. What is known to be damaged is left out: it has alerted, and reading it
 * again daily would only drown the next alert. So is what the bucket's lifecycle has moved to its
 * archive, which takes hours and money to bring back. So are logs that were read once: there are
 * thousands, and each check would add evidence to each.
 * Reads keys only. Errors: SourceNotFound, those of the vaults.
 */
export async function listDueBackups(context: PipelineContext, names: readonly string[], seconds: number): Promise<DueBackup[]> {
  const now = context.run.clock.now();
  const before = new Date(now.getTime() - seconds * 1000).toISOString();
  const due: { readonly place: DueBackup; readonly checkedAt: string }[] = [];
  for (const source of sourcesNamed(context, names)) {
    for await (const entry of listOwn(context, source)) {
      const checkedAt = entry.checks.at(-1)?.at ?? "";
      // A log is read when it is made, and by the restore tests of what comes after it.
      if (entry.kind === "log" && entry.checks.length > 0) continue;
      if (
        (entry.own ?? entry).state === "damaged" ||
        checkedAt > before ||
        isArchived(context.policy.vaults[source.vault], entry, now)
      )
        continue;
      due.push({ place: { source: entry.source, backupId: entry.id }, checkedAt });
    }
  }
  return due.sort((a, b) => (a.checkedAt < b.checkedAt ? -1 : Number(a.checkedAt > b.checkedAt))).map(({ place }) => place);
}

function isArchived(vault: VaultConfig | undefined, { startedAt }: BackupEntry, now: Date): boolean {
  const days = vault?.type === "s3" ? vault.tiers?.archiveDays : undefined;
  return days !== undefined && now.getTime() - startedAt.getTime() >= days * dayMs;
}

function sourcesNamed({ policy }: PipelineContext, names: readonly string[]): SourceConfig[] {
  return names.length === 0 ? Object.values(policy.sources) : [...new Set(names)].map((name) => requireSource(policy, name));
}

/** A vault that was never written to is an empty one. */
async function* listOwn(context: PipelineContext, source: SourceConfig): AsyncGenerator<BackupEntry, void, undefined> {
  const vault = await findVault(context, source.vault);
  if (vault === undefined) return;
  yield* listEntries(context, vault, { source: source.name });
}
