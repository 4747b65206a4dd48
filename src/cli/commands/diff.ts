/** `holdfast diff`: what changed between two backups. */
import { type BackupDifference, diffBackups } from "../../pipeline/diff-backups.ts";
import type { ObjectChange } from "../../proof/diff-listings.ts";
import type { ListedObject } from "../../proof/listed-object.ts";
import { formatBytes } from "../../report/format.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** More help nobody who reads them; all are counted. */
const maxChanges = 10_000;

export async function diff({ context, terminal }: Session, before: string, after: string): Promise<Outcome> {
  const difference = await diffBackups(context, [before, after], maxChanges);
  const { counts, changes } = difference;
  const [first, second] = [difference.before, difference.after].map(({ entry }) => ({ source: entry.source, id: entry.id }));
  return {
    document: { before: first, after: second, counts, changes: changes.map(documentOf) },
    lines: [
      ...changes.map((change) => lineOf(terminal, change)),
      ...(counts.changed + counts.added + counts.gone > changes.length ? [`… only the first ${changes.length} are listed`] : []),
      summaryOf(difference),
    ],
  };
}

function documentOf({ object, before, after }: ObjectChange): object {
  const figures = (listed: ListedObject | undefined) => {
    if (listed === undefined) return null;
    const { rows, bytes, sha256, attributes } = listed;
    return { rows, bytes, sha256: sha256 === "" ? undefined : sha256, attributes };
  };
  return { object, problem: describeChange(before, after), before: figures(before), after: figures(after) };
}

function lineOf(terminal: Terminal, { object, before, after }: ObjectChange): string {
  const [mark, colour] =
    before === undefined ? (["+", "green"] as const) : after === undefined ? (["-", "red"] as const) : (["~", "yellow"] as const);
  return `${terminal.style(colour, mark)} ${object}  ${describeChange(before, after)}`;
}

/** `added, 3 rows`; `120 rows fewer (0 instead of 120)`; `mode 0600 instead of mode 0644`. */
function describeChange(before: ListedObject | undefined, after: ListedObject | undefined): string {
  if (before === undefined) return `added${amountOf(after)}`;
  if (after === undefined) return `gone${amountOf(before)}`;
  if (before.object !== after.object) return `instead of ${before.object}`;
  const said: string[] = [];
  if (before.rows !== after.rows && before.rows !== undefined && after.rows !== undefined) {
    const word = after.rows < before.rows ? "fewer" : "more";
    const amounts = `(${after.rows.toLocaleString("en-US")} instead of ${before.rows.toLocaleString("en-US")})`;
    said.push(`${countOf(Math.abs(after.rows - before.rows), "row")} ${word} ${amounts}`);
  } else if (before.bytes !== after.bytes) said.push(`${formatBytes(after.bytes)} instead of ${formatBytes(before.bytes)}`);
  else if (before.sha256 !== after.sha256) said.push("the same size, different content");
  const [old = [], fresh = []] = [before.attributes, after.attributes];
  const [came, went] = [fresh.filter((each) => !old.includes(each)), old.filter((each) => !fresh.includes(each))];
  if (came.length + went.length > 0) said.push(`${came.join(", ")} instead of ${went.join(", ")}`);
  return said.join("; ");
}

function amountOf(listed: ListedObject | undefined): string {
  if (listed === undefined) return "";
  if (listed.rows !== undefined && !listed.object.startsWith("file ")) return `, ${countOf(listed.rows, "row")}`;
  return listed.bytes === 0 ? "" : `, ${formatBytes(listed.bytes)}`;
}

function summaryOf({ before, after, counts }: BackupDifference): string {
  const { changed, added, gone, same } = counts;
  const between = `from ${before.entry.id} to ${after.entry.id}`;
  if (changed + added + gone === 0) return `${between}: nothing changed, ${countOf(same, "object")} compared`;
  return `${between}: ${changed} changed, ${added} added, ${gone} gone, ${same} the same`;
}
