/**
 * `holdfast list`: the catalogue. What it says of a backup's state, its manifest and evidence were
 * read for.
 */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { type ListedBackup, type ListedVault, listBackups } from "../../pipeline/list-backups.ts";
import { requireSource } from "../../pipeline/pipeline-context.ts";
import { formatAge, renderTable } from "../../report/format.ts";
import { describeGap } from "../../report/judge-coverage.ts";
import { describeForged } from "../../vault/list-forged.ts";
import { countOf } from "../count.ts";
import { parseLast } from "../parse-last.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface ListOptions {
  readonly last?: string | undefined;
}

export async function list({ context, terminal }: Session, source: string | undefined, options: ListOptions): Promise<Outcome> {
  const last = parseLast(options.last);
  const { vaults: listed, entries } = await listBackups(context, { source, last });
  const lost = listed.flatMap((vault) => vault.lost);
  const gaps = listed.flatMap((vault) => vault.gaps);
  const unread = listed.flatMap(({ url, error }) => (error === undefined ? [] : [{ url, error }]));
  // Backups of a source that has left the policy are still listed; a name that nobody knows is a
  // slip of the pen.
  if (source !== undefined && entries.length + unread.length + lost.length === 0) requireSource(context.policy, source);
  const document = {
    ...(unread.length === 0 ? {} : { unread: unread.map(({ url, error }) => ({ vault: url, error: errorDocument(error) })) }),
    ...(lost.length === 0 ? {} : { lost: lost.map(({ source: of, id, vault }) => ({ vault, source: of, id })) }),
    ...(gaps.length === 0 ? {} : { gaps }),
    backups: entries.map(documentOf),
  };
  return {
    document,
    lines: [
      // First, for below a long list nobody would see it.
      ...unread.flatMap(({ error }) => [
        `${terminal.style("red", "not read")}  ${error.message} (${error.name})`,
        `  ${error.hint}`,
      ]),
      ...(entries.length === 0 ? describeNone(listed, source) : tableOf(terminal, entries, context.run.clock.now())),
      ...entries.flatMap(({ id, problems, unread: why }) =>
        [...problems, ...(why === undefined ? [] : [why])].map((problem) => `${terminal.style("red", "found")}  ${id}: ${problem}`),
      ),
      ...describeUnchecked(terminal, entries),
      ...describeForgedIn(terminal, listed),
      ...gaps.map((gap) => `${terminal.style("red", "gap")}  ${gap.source}: ${describeGap(gap)}`),
      ...lost.flatMap(({ message, remedy }) => [`${terminal.style("red", "lost")}  ${message}`, `  ${remedy}`]),
    ],
    exitCode: exitCodeOf(listed),
  };
}

/** A backup with --json. */
function documentOf({ vault, source, id, kind, startedAt, state, suspicious, held, checks, ...more }: ListedBackup): object {
  const { future, forged, leftOut, problems, unread, unchecked } = more;
  const lastCheck = checks.at(-1);
  return {
    vault,
    source,
    id,
    kind,
    startedAt,
    state,
    suspicious,
    held,
    ...(future ? { future } : {}),
    ...(forged.length === 0 ? {} : { forged }),
    leftOut,
    ...(problems.length === 0 ? {} : { problems }),
    unread,
    ...(unchecked === undefined ? {} : { notChecked: unchecked.message }),
    lastCheck: lastCheck && { check: lastCheck.check, at: lastCheck.at },
  };
}

/** A reader of the exit code must not take a vault that could not be read for an empty one. */
function exitCodeOf(listed: readonly ListedVault[]): ExitCode {
  const errors = listed.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const [first] = errors;
  if (first === undefined) return exitCodes.done;
  if (errors.length < listed.length || first.exitCode === exitCodes.integrity) return first.exitCode;
  return exitCodes.failed;
}

/** Says where it looked: the address may be wrong, or the volume not mounted. */
function describeNone(vaults: readonly ListedVault[], source: string | undefined): string[] {
  // Nobody knows whether there are backups in a vault that cannot be read, or of which some are
  // lost.
  if (vaults.some(({ error, lost }) => error !== undefined || lost.length > 0)) return [];
  return [
    source === undefined ? "no backups" : `no backups of ${source}`,
    ...vaults.map(({ url, exists }) => `  ${url} ${exists ? "is a vault without any" : "contains no vault yet"}`),
    `make the first with \`holdfast backup ${source ?? "<source>"}\``,
  ];
}

function tableOf(terminal: Terminal, entries: readonly ListedBackup[], now: Date): string[] {
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

/** Of the listed backups; `check` looks through all of the vault. */
function describeForgedIn(terminal: Terminal, vaults: readonly ListedVault[]): string[] {
  return vaults.flatMap(({ url, entries }) => {
    const forged = entries.flatMap((entry) => entry.forged);
    if (forged.length === 0) return [];
    const { message, remedy } = describeForged(forged, url);
    return [`${terminal.style("red", "not signed")}  ${message}`, `  ${remedy}`];
  });
}

/** One line for each reason: on a machine without the key it is the same for every backup. */
function describeUnchecked(terminal: Terminal, entries: readonly ListedBackup[]): string[] {
  const reasons = new Set(entries.flatMap(({ unchecked }) => unchecked?.message ?? []));
  return [...reasons].map(
    (reason) =>
      `${terminal.style("yellow", "not checked")}  whether these backups were made with the vault's key cannot be told here: ${reason}`,
  );
}

function flagsOf(terminal: Terminal, { suspicious, held, future, futureChecks, leftOut, unchecked }: ListedBackup): string {
  return [
    leftOut === undefined ? "" : terminal.style("yellow", `but for ${countOf(leftOut, "object")}`),
    unchecked === undefined ? "" : terminal.style("yellow", "not checked"),
    suspicious ? terminal.style("yellow", "suspicious") : "",
    held ? "held" : "",
    future ? terminal.style("yellow", "dated in the future") : "",
    futureChecks.length > 0 ? terminal.style("red", "has evidence dated in the future") : "",
  ]
    .filter((flag) => flag !== "")
    .join(" ");
}
