/** `holdfast list`: the catalogue, from the vaults' keys alone. */
import { exitCodes } from "../../errors/catalogue.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { vaultsOf } from "../../pipeline/find-backups.ts";
import { type PipelineContext, requireSource } from "../../pipeline/pipeline-context.ts";
import { formatAge, renderTable } from "../../report/format.ts";
import { type BackupEntry, listBackups } from "../../vault/catalogue.ts";
import { openVault } from "../../vault/vault.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface ListOptions {
  readonly last?: string;
}

export async function list({ context, terminal }: Session, source: string | undefined, options: ListOptions): Promise<Outcome> {
  const last = parseLast(options.last);
  const entries = source === undefined ? await listAll(context, last) : await listSource(context, source, last);
  const document = {
    backups: entries.map(({ source: of, id, kind, startedAt, state, suspicious, held, checks }) => {
      const lastCheck = checks.at(-1);
      return {
        source: of,
        id,
        kind,
        startedAt,
        state,
        suspicious,
        held,
        lastCheck: lastCheck && { check: lastCheck.check, at: lastCheck.at },
      };
    }),
  };
  return { document, text: describe(terminal, entries, context.run.clock.now()), exitCode: exitCodes.done };
}

function parseLast(last: string | undefined): number {
  if (last === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9][0-9]*$/.test(last)) return Number(last);
  throw new HoldfastError("UsageInvalid", `--last takes a whole number from 1, not "${last}"`);
}

async function listSource(context: PipelineContext, source: string, last: number): Promise<BackupEntry[]> {
  const vault = requireSource(context.policy, source).vault;
  return listVault(context, vault, last, source);
}

async function listAll(context: PipelineContext, last: number): Promise<BackupEntry[]> {
  const entries: BackupEntry[] = [];
  for (const vault of vaultsOf(context.policy)) entries.push(...(await listVault(context, vault, last)));
  return entries;
}

/** A vault that was never written to is an empty one. */
async function listVault(context: PipelineContext, vault: string, last: number, source?: string): Promise<BackupEntry[]> {
  const store = await context.storeOf(vault);
  try {
    await openVault(store);
  } catch (error) {
    if (isHoldfastError(error, "VaultNotFound")) return [];
    throw error;
  }
  const bySource = new Map<string, BackupEntry[]>();
  for await (const entry of listBackups(store, source === undefined ? {} : { source })) {
    const entries = bySource.get(entry.source) ?? [];
    if (entries.length === 0) bySource.set(entry.source, entries);
    entries.push(entry);
    if (entries.length > last) entries.shift();
  }
  return [...bySource.values()].flat();
}

function describe(terminal: Terminal, entries: readonly BackupEntry[], now: Date): string {
  if (entries.length === 0) return "no backups yet: make the first with `holdfast backup <source>`";
  return renderTable({
    head: ["SOURCE", "BACKUP", "KIND", "AGE", "STATE", ""],
    rows: entries.map((entry) => [
      entry.source,
      entry.id,
      entry.kind,
      formatAge(entry.startedAt, now),
      stateLabel(terminal, entry.state),
      [entry.suspicious ? terminal.style("yellow", "suspicious") : "", entry.held ? "held" : ""]
        .filter((flag) => flag !== "")
        .join(" "),
    ]),
  });
}
