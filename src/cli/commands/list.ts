/** `holdfast list`: the catalogue, from the vaults' keys alone. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { vaultsFor, vaultsOf } from "../../pipeline/find-backups.ts";
import { type PipelineContext, requireSource } from "../../pipeline/pipeline-context.ts";
import { formatAge, renderTable } from "../../report/format.ts";
import { type BackupEntry, listBackups } from "../../vault/catalogue.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import { openVault } from "../../vault/vault.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface ListOptions {
  readonly last?: string;
}

export async function list({ context, terminal }: Session, source: string | undefined, options: ListOptions): Promise<Outcome> {
  const last = parseLast(options.last);
  const vaults = source === undefined ? vaultsOf(context.policy) : vaultsFor(context.policy, source);
  const listed: ListedVault[] = [];
  for (const vault of vaults) listed.push(await listVault(context, vault, last, source));
  const entries = sortBySource(
    listed.flatMap((vault) => vault.entries),
    Object.keys(context.policy.sources),
  );
  const unread = listed.flatMap(({ url, error }) => (error === undefined ? [] : [{ url, error }]));
  // Backups of a source that has left the policy are still listed; a name that nobody knows is a slip of the pen.
  if (source !== undefined && entries.length + unread.length === 0) requireSource(context.policy, source);
  const document = {
    ...(unread.length === 0
      ? {}
      : { unread: unread.map(({ url, error: { name, message, hint } }) => ({ vault: url, error: { name, message, hint } })) }),
    backups: entries.map(({ vault, source: of, id, kind, startedAt, state, suspicious, held, checks }) => {
      const lastCheck = checks.at(-1);
      return {
        vault,
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
  return {
    document,
    lines: [
      ...(entries.length === 0 ? describeNone(listed, source) : describe(terminal, entries, context.run.clock.now())),
      ...unread.flatMap(({ error }) => [
        `${terminal.style("red", "not read")}  ${error.message} (${error.name})`,
        `  ${error.hint}`,
      ]),
    ],
    exitCode: unread[0]?.error.exitCode ?? exitCodes.done,
  };
}

function parseLast(last: string | undefined): number {
  if (last === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9][0-9]*$/.test(last)) return Number(last);
  throw new HoldfastError("UsageInvalid", `--last takes a whole number from 1, not "${last}"`);
}

interface ListedBackup extends BackupEntry {
  /** The vault's name in the policy. */
  readonly vault: string;
}

interface ListedVault {
  readonly url: string;
  readonly exists: boolean;
  readonly entries: readonly ListedBackup[];
  /** Why it could not be looked into. */
  readonly error?: HoldfastError;
}

/** A vault that was never written to is an empty one. One that cannot be looked into does not keep the others from being listed. */
async function listVault(context: PipelineContext, vault: string, last: number, source: string | undefined): Promise<ListedVault> {
  const store = await context.storeOf(vault);
  try {
    await openVault(store);
    return { url: store.url, exists: true, entries: await listEntries(store, vault, last, source) };
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    if (error.name === "VaultNotFound") return { url: store.url, exists: false, entries: [] };
    return { url: store.url, exists: true, entries: [], error };
  }
}

async function listEntries(store: ObjectStore, vault: string, last: number, source: string | undefined): Promise<ListedBackup[]> {
  const bySource = new Map<string, ListedBackup[]>();
  for await (const entry of listBackups(store, source === undefined ? {} : { source })) {
    const entries = bySource.get(entry.source) ?? [];
    if (entries.length === 0) bySource.set(entry.source, entries);
    entries.push({ ...entry, vault });
    if (entries.length > last) entries.shift();
  }
  return [...bySource.values()].flat();
}

/** As the policy names the sources, then those that it names no more; a source's backups stay in their order. */
function sortBySource(entries: readonly ListedBackup[], known: readonly string[]): ListedBackup[] {
  const names = [...new Set(entries.map(({ source }) => source))].sort();
  const order = new Map([...known, ...names.filter((name) => !known.includes(name))].map((name, index) => [name, index]));
  return entries.toSorted((a, b) => (order.get(a.source) ?? 0) - (order.get(b.source) ?? 0));
}

/** Says where it looked: the address may be wrong, or the volume not mounted. */
function describeNone(vaults: readonly ListedVault[], source: string | undefined): string[] {
  return [
    source === undefined ? "no backups" : `no backups of ${source}`,
    ...vaults
      .filter(({ error }) => error === undefined)
      .map(({ url, exists }) => `  ${url} ${exists ? "is a vault without any" : "contains no vault yet"}`),
    `make the first with \`holdfast backup ${source ?? "<source>"}\``,
  ];
}

function describe(terminal: Terminal, entries: readonly ListedBackup[], now: Date): string[] {
  // Where all lie in one vault, its name says nothing.
  const severalVaults = new Set(entries.map(({ vault }) => vault)).size > 1;
  return renderTable({
    head: ["SOURCE", "BACKUP", "KIND", "AGE", "STATE", ...(severalVaults ? ["VAULT"] : []), ""],
    rows: entries.map((entry) => [
      entry.source,
      entry.id,
      entry.kind,
      formatAge(entry.startedAt, now),
      stateLabel(terminal, entry.state),
      ...(severalVaults ? [entry.vault] : []),
      flagsOf(terminal, entry),
    ]),
  });
}

function flagsOf(terminal: Terminal, { suspicious, held }: ListedBackup): string {
  return [suspicious ? terminal.style("yellow", "suspicious") : "", held ? "held" : ""].filter((flag) => flag !== "").join(" ");
}
