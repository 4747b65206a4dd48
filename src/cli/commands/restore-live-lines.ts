/** What a restore put into a live database, in lines for people. */
import type { LiveOutcome } from "../../engines/place.ts";
import type { RestoreResult } from "../../pipeline/restore/restore-result.ts";
import { countOf } from "../count.ts";
import type { Terminal } from "../terminal.ts";

/** Empty for any other restore. */
export function describeLive(terminal: Terminal, { live }: RestoreResult): string[] {
  if (live === undefined) return [];
  const { rows, applied, notices } = live;
  const of = rows.chosen === rows.inBackup ? "" : ` of ${countOf(rows.inBackup, "row")} in the backup`;
  return [
    `  ${applied ? "live      " : terminal.style("yellow", "counted   ")}  ${describeDone(live)}`,
    `  rows        ${countOf(rows.chosen, "row")}${of} chosen${describeThere(rows)}`,
    ...notices.map((notice) => `  noted       ${notice}`),
    ...(applied || rows.missing === 0
      ? []
      : [terminal.style("yellow", "nothing was changed: give the same command with --yes to put the missing rows back")]),
  ];
}

function describeDone({ kind, table, as, applied, rows }: LiveOutcome): string {
  if (kind === "beside") return `${table} is beside the live one as ${as}, with ${countOf(rows.inserted, "row")}`;
  if (kind === "made again")
    return `${table} ${applied ? `was made again, with ${countOf(rows.inserted, "row")}` : "is not there, and would be made again"}`;
  return applied ? `${countOf(rows.inserted, "row")} put back into ${table}` : `${table} was compared with the backup`;
}

function describeThere({ equal, different, missing }: LiveOutcome["rows"]): string {
  if (equal === undefined || different === undefined || missing === undefined) return "";
  return `: ${countOf(equal, "row")} there and equal, ${different.toLocaleString("en-US")} there and changed since (left alone), ${missing.toLocaleString("en-US")} missing`;
}
