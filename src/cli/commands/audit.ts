/** `holdfast audit`: who did what, and whether the trail is whole. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type ReadAudit, readTrails } from "../../pipeline/audit/read-trails.ts";
import { renderTable } from "../../report/format.ts";
import { momentForms, parseMoment } from "../../runtime/moment.ts";
import { requestIdOf, requestSha256 } from "../../vault/documents/approval.ts";
import { type AuditEntry, auditActions } from "../../vault/documents/audit-entry.ts";
import { countOf } from "../count.ts";
import { parseLast } from "../parse-last.ts";
import type { Outcome, Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface AuditOptions {
  readonly action?: string | undefined;
  readonly by?: string | undefined;
  readonly since?: string | undefined;
  readonly last?: string | undefined;
}

export async function audit({ context, terminal }: Session, source: string | undefined, options: AuditOptions): Promise<Outcome> {
  const last = parseLast(options.last);
  const { action, by } = options;
  if (action !== undefined) refuseUnknown(action);
  const since =
    options.since === undefined ? undefined : readSince(options.since, context.run.clock.now(), context.policy.timezone);
  const trails = await readTrails(context, { source, action, by, since });
  const several = trails.length > 1;
  return {
    document: { vaults: trails.map((trail) => documentOf(trail, last)) },
    lines: trails.flatMap((trail) => [...(several ? [`${trail.vault}:`] : []), ...describeTrail(terminal, trail, last)]),
    exitCode: exitCodeOf(trails),
  };
}

/** Without this, a slip of the keyboard looks like a trail in which nothing happened. */
function refuseUnknown(action: string): void {
  if (auditActions.some((known) => known === action || known.startsWith(`${action}.`))) return;
  throw new HoldfastError("UsageInvalid", `no entry of an audit trail is called "${action}"`, {
    hint: `Name one of: ${auditActions.join(", ")}; or what stands before a dot.`,
  });
}

function readSince(text: string, now: Date, timezone: string): Date {
  const moment = parseMoment(text, { now, timezone });
  if ("instant" in moment) return moment.instant;
  throw new HoldfastError("UsageInvalid", `--since: ${moment.problem}`, { hint: `Write a time such as ${momentForms}.` });
}

function documentOf({ vault, entries, entriesChecked, problems, error }: ReadAudit, last: number): object {
  return {
    vault,
    entriesChecked,
    problems,
    ...(error === undefined ? {} : { error: errorDocument(error) }),
    entries: newest(entries, last).map(({ formatVersion: _version, vaultId: _vault, ...entry }) => entry),
  };
}

const remedy =
  "Look in the vault's access log and its older versions for who changed it, and bring the entry back from a copy (docs/operations.md).";

function newest<T>(entries: readonly T[], last: number): readonly T[] {
  return Number.isFinite(last) ? entries.slice(-last) : entries;
}

function describeTrail(terminal: Terminal, trail: ReadAudit, last: number): string[] {
  const { entries, entriesChecked, problems, error } = trail;
  if (error !== undefined) return [`${terminal.style("red", "not read")}  ${error.message} (${error.name})`, `  ${error.hint}`];
  const shown = newest(entries, last);
  const unchecked = shown.filter(({ certain }) => !certain).length;
  return [
    ...(shown.length === 0
      ? [entriesChecked === 0 ? "the audit trail is empty" : "no entry of the audit trail is like that"]
      : renderTable({ head: ["NO", "AT", "BY", "ACTION", "BACKUP", "REASON"], rows: shown.map(rowOf) })),
    ...(unchecked === 0 ? [] : [`${countOf(unchecked, "entry", "entries")} could not be checked: a public key is not at hand`]),
    ...problems.map((problem) => `${terminal.style("red", "broken")}  ${problem}`),
    ...(problems.length === 0 ? [] : [`  ${remedy}`]),
    ...(problems.length === 0 && entriesChecked > 0
      ? [`${countOf(entriesChecked, "entry", "entries")} checked: each is signed, and follows the one before`]
      : []),
  ];
}

function rowOf(entry: AuditEntry): string[] {
  const { number, at, by, action, source, backupId, reason, details = {} } = entry;
  const facts = [...Object.entries(details), ...approvalFacts(entry)].map(([name, value]) => `${name}: ${value}`);
  const what = backupId ?? "";
  return [
    String(number),
    at,
    by,
    action,
    source === undefined ? what : [source, what].filter(Boolean).join(" "),
    [...(reason === undefined ? [] : [reason]), ...facts].join("; "),
  ];
}

/** Which request it is about, and who answered: `by` is who recorded the answer. */
function approvalFacts({ request, answer, requestSha256: used }: AuditEntry): readonly (readonly [string, string])[] {
  const sha256 = request === undefined ? (answer?.decision.requestSha256 ?? used) : requestSha256(request);
  return [
    ...(sha256 === undefined ? [] : [["request", requestIdOf(sha256)] as const]),
    ...(answer === undefined ? [] : [["approver", answer.decision.approver] as const]),
  ];
}

function exitCodeOf(trails: readonly ReadAudit[]): ExitCode {
  if (trails.some(({ problems }) => problems.length > 0)) return exitCodes.integrity;
  return trails.find(({ error }) => error !== undefined)?.error?.exitCode ?? exitCodes.done;
}
