/** `holdfast erase`: what was erased in production, and must not come back with a restore. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { OpenedErasure } from "../../pipeline/erasures/choose-erasures.ts";
import { readLedger } from "../../pipeline/erasures/read-ledger.ts";
import { readInstant } from "../../pipeline/erasures/read-requests.ts";
import { recordErasures } from "../../pipeline/erasures/record-erasures.ts";
import { findVault, requireSource } from "../../pipeline/pipeline-context.ts";
import { type ErasureTarget, tableObject } from "../../proof/erasure.ts";
import { renderTable } from "../../report/format.ts";
import { momentForms, parseMoment } from "../../runtime/moment.ts";
import { countOf } from "../count.ts";
import { type ErasureInput, readErasureInput } from "../erasure-input.ts";
import { parseLast } from "../parse-last.ts";
import type { Outcome, Session } from "../session.ts";

export async function addErasures({ context }: Session, source: string, given: ErasureInput): Promise<Outcome> {
  requireSource(context.policy, source);
  const at = given.at === undefined ? undefined : readAt(given.at, context.run.clock.now(), context.policy.timezone);
  const requests = await readErasureInput({ ...given, at }, process.stdin);
  const recorded = await recordErasures(context, source, requests, { audited: true });
  const fresh = recorded.filter(({ repeated }) => !repeated);
  const again = recorded.length - fresh.length;
  return {
    document: { source, recorded },
    lines: [
      ...(fresh.length === 0 ? [] : [`${countOf(fresh.length, "erasure")} of ${source} recorded: ${describeNumbers(fresh)}`]),
      ...(again === 0 ? [] : [`${countOf(again, "erasure")} recorded before, under the same id`]),
      "every restore of a backup that is older takes them out again",
    ],
  };
}

function readAt(text: string, now: Date, timezone: string): string {
  const instant = readInstant(text);
  if (instant !== undefined) return instant;
  const moment = parseMoment(text, { now, timezone });
  if ("instant" in moment) return moment.instant.toISOString();
  throw new HoldfastError("UsageInvalid", `--at: ${moment.problem}`, { hint: `Write a time such as ${momentForms}.` });
}

function describeNumbers(recorded: readonly { readonly number: number; readonly id: string }[]): string {
  const [first] = recorded;
  const last = recorded.at(-1);
  return recorded.length === 1 ? `number ${first?.number}, id ${first?.id}` : `numbers ${first?.number} to ${last?.number}`;
}

interface ListOptions {
  readonly showValues?: boolean | undefined;
  readonly last?: string | undefined;
}

export async function listErasures({ context, terminal }: Session, source: string, options: ListOptions): Promise<Outcome> {
  const last = parseLast(options.last);
  const vault = await findVault(context, requireSource(context.policy, source).vault);
  const { entries, problems } = vault === undefined ? { entries: [], problems: [] } : await readLedger(context, vault, source);
  const shown = Number.isFinite(last) ? entries.slice(-last) : entries;
  const withValues = options.showValues === true;
  return {
    document: { source, entriesChecked: entries.length, problems, entries: shown.map((entry) => documentOf(entry, withValues)) },
    lines: [
      ...(shown.length === 0
        ? [`no erasures of ${source} are recorded`]
        : renderTable({
            head: ["NO", "ERASED", "RECORDED", "WHAT", "REASON", "BY"],
            rows: shown.map((entry) => rowOf(entry, withValues)),
          })),
      ...problems.map((problem) => `${terminal.style("red", "broken")}  ${problem}`),
      ...(problems.length === 0 && entries.length > 0
        ? [`${countOf(entries.length, "entry", "entries")} checked: each is signed, opens, and follows the one before`]
        : []),
    ],
    exitCode: problems.length === 0 ? exitCodes.done : exitCodes.integrity,
  };
}

function documentOf({ number, id, recordedAt, content }: OpenedErasure, withValues: boolean): object {
  const { targets, ...facts } = content;
  return { number, id, recordedAt, ...facts, targets: withValues ? targets : targets.map(withoutValues) };
}

/** Which columns, and not which person. */
function withoutValues(target: ErasureTarget): object {
  if ("path" in target) return { path: true };
  const { key, set, ...table } = target;
  return { ...table, key: Object.keys(key), ...(set === undefined ? {} : { set: Object.keys(set) }) };
}

function rowOf({ number, recordedAt, content }: OpenedErasure, withValues: boolean): string[] {
  const { erasedAt, targets, reason, reference, by } = content;
  const what = targets.map((target) => describeTarget(target, withValues)).join("; ");
  return [String(number), erasedAt, recordedAt, what, [reason, reference].filter(Boolean).join(", "), by];
}

function describeTarget(target: ErasureTarget, withValues: boolean): string {
  if ("path" in target) return withValues ? target.path : "a path";
  const key = Object.entries(target.key).map(([column, value]) => (withValues ? `${column}=${value}` : column));
  const set = Object.keys(target.set ?? {});
  return `${tableObject(target).slice("table ".length)} by ${key.join(", ")}${set.length === 0 ? "" : `: ${set.join(", ")} overwritten`}`;
}
