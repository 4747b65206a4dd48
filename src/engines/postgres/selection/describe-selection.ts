/** A selection in words: before anything happens as findings, and afterwards in the result. */
import type { LoadFinding } from "../../../proof/content.ts";
import type { Finding } from "../../finding.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import { type ArchiveEntry, isRelation, isTable, type Needed } from "./archive-entry.ts";
import type { ArchiveSelection } from "./read-selection.ts";

const maxNamed = 10;

/** `table public.orders`, `foreign key public.orders orders_customer_fkey`. */
function nameOf(entry: ArchiveEntry): string {
  const { type, schema, name } = entry;
  const word = type === "FK CONSTRAINT" ? "foreign key" : type.toLowerCase();
  if (isRelation(entry)) return `${word} ${spellQualified(schema, name)}`;
  return schema === "-" ? `${word} ${name}` : `${word} ${schema}.${name}`;
}

function listed(names: readonly string[]): string {
  const more = names.length - maxNamed;
  return `${names.slice(0, maxNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Attached keys follow from the attached table. */
const isWorthSaying = ({ entry: { type } }: Needed): boolean => type !== "INDEX ATTACH";

const alongOf = ({ entry, other }: Needed): string =>
  `${nameOf(entry)}${isTable(entry) ? " WITHOUT its rows" : ""} (${nameOf(other)} needs it)`;
const leftOutOf = ({ entry, other }: Needed): string => `${nameOf(entry)} (needs ${nameOf(other)})`;
const heirOf = ({ entry, other }: Needed): string => `${nameOf(entry)} (inherits from ${nameOf(other)})`;

/** Rows alone have no definitions that could come along or be left out. */
function withoutDefinitions(selection: ArchiveSelection): ArchiveSelection {
  return selection.content === "rows" ? { ...selection, along: [], leftOut: [] } : selection;
}

/** What of the backup is restored, what comes along, and what is left out. */
export function selectionChecks(given: ArchiveSelection): readonly Finding[] {
  const selection = withoutDefinitions(given);
  const { asked, along, heirs } = selection;
  const leftOut = selection.leftOut.filter(isWorthSaying);
  const tables = along.filter(({ entry }) => isTable(entry));
  const chosen = asked.filter((entry) => entry.type !== "SEQUENCE").map(nameOf);
  const missing = [...new Set(leftOut.map(({ other }) => other).filter(isRelation))].map((other) =>
    spellQualified(other.schema, other.name),
  );
  const say = (level: Finding["level"], message: string, details: readonly string[], remedy?: string): Finding[] =>
    details.length === 0
      ? []
      : [
          {
            level,
            subject: "selection",
            message: `${message}: ${listed(details)}`,
            details,
            ...(remedy === undefined ? {} : { remedy }),
          },
        ];
  return [
    ...(selection.content === "definitions" ? say("ok", "without rows", ["definitions only, as was asked for"]) : []),
    ...say("ok", "a part of the backup is restored", chosen.length > 0 ? chosen : asked.map(nameOf)),
    ...say(tables.length > 0 ? "warning" : "note", "comes along, although it was not named", along.map(alongOf), remedyFor(tables)),
    ...say(
      "warning",
      "left out, because it needs what is not chosen",
      leftOut.map(leftOutOf),
      missing.length === 0 ? undefined : `To keep it, choose that too: ${listed(missing.map((name) => `--only '${name}'`))}.`,
    ),
    ...say("warning", "not chosen, although queries of what is chosen read its rows", heirs.map(heirOf)),
  ];
}

function remedyFor(tables: readonly Needed[]): string | undefined {
  const names = tables.map(({ entry: { schema, name } }) => `--only '${spellQualified(schema, name)}'`);
  return names.length === 0 ? undefined : `To have the rows as well: ${listed(names)}.`;
}

/** Whether a finding says that a foreign key is left out for a table that is not chosen. */
export function isKeyLeftOut({ class: kind, subject }: LoadFinding): boolean {
  return kind === "excepted" && subject.startsWith("foreign key ");
}

/** The same in the result of a restore; nothing of it keeps the restore from being done. */
export function selectionFindings(
  selection: ArchiveSelection | undefined,
  { newDatabase }: { readonly newDatabase: boolean },
): LoadFinding[] {
  if (selection === undefined) return [];
  const { only, content, along, leftOut, heirs } = withoutDefinitions(selection);
  const finding = (kind: LoadFinding["class"], subject: string, message: string): LoadFinding => ({
    class: kind,
    subject,
    message,
  });
  const settings = "its own settings, comment and grants are not part of a selection";
  return [
    ...(content === "rows" ? [finding("benign", "definitions", "left out, as was asked for: rows only")] : []),
    ...(content === "definitions" ? [finding("benign", "rows", "left out, as was asked for: definitions only")] : []),
    ...along.map(({ entry, other }) =>
      finding("benign", nameOf(entry), `came along${isTable(entry) ? " WITHOUT its rows" : ""}: ${nameOf(other)} needs it`),
    ),
    ...leftOut
      .filter(isWorthSaying)
      .map(({ entry, other }) => finding("excepted", nameOf(entry), `needs ${nameOf(other)}, which is not chosen`)),
    ...heirs.map(({ entry, other }) => finding("benign", nameOf(entry), `is not chosen, and inherits from ${nameOf(other)}`)),
    ...(newDatabase && only !== undefined ? [finding("benign", "database", settings)] : []),
  ];
}
