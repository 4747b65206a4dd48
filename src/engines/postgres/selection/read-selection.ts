/** Reads an archive's table of contents, and chooses from it what a restore was asked for. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { nearestName } from "../../../policy/nearest-name.ts";
import type { ContentDigest } from "../../../proof/content.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { PlaceSelection } from "../../place.ts";
import { type OutlinedEntry, readOutline } from "../archive/archive-outline.ts";
import type { ArchiveSource } from "../archive/archive-source.ts";
import { digestDefinitions } from "../digest/reprint-definitions.ts";
import type { ArchiveLoad } from "../load/archive-load.ts";
import { listEntries } from "../load/run-restore.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import { type ArchiveEntry, isContent, isRelation } from "./archive-entry.ts";
import { cutOffTables } from "./cut-off-tables.ts";
import { parseObjectPattern } from "./object-pattern.ts";
import { chosenObjects, countObjects, selectDigest } from "./select-digest.ts";
import { type EntrySelection, selectEntries } from "./select-entries.ts";

/** `definitions`: without rows, values of sequences and large objects; `rows`: those alone. */
export type PartContent = "all" | "definitions" | "rows";

/** Which part of a backup is asked for. */
export interface PartRequest {
  /** Patterns, as they were given; absent: everything. */
  readonly only?: readonly string[] | undefined;
  readonly content: PartContent;
}

/** What a part of an archive is restored as. */
export interface ArchiveSelection extends EntrySelection, PartRequest {
  /** All entries of the archive, in its order. */
  readonly entries: readonly ArchiveEntry[];
  /** Roles that the chosen entries name. */
  readonly roles: ReadonlySet<string>;
}

/**
 * Reads no more of a streamed archive than its table of contents.
 * Errors: SelectionNotFound where a pattern matches nothing, with names that are near; UsageInvalid
 * for what is not a pattern; those of reading the archive.
 */
export async function readSelection(
  pgRestore: string,
  source: ArchiveSource,
  { only, content }: PartRequest,
  context: RunContext,
): Promise<ArchiveSelection> {
  const patterns = only?.map(parseObjectPattern);
  const entries = await readEntries(pgRestore, source, context);
  const selection = patterns === undefined ? everything(entries) : selectEntries(entries, patterns);
  if (selection.unmatched.length > 0) throw notFound(selection.unmatched, entries);
  const chosen = entries.filter(({ dumpId }) => selection.loaded.has(dumpId));
  const alone = new Set(selection.along.map(({ entry }) => entry.dumpId));
  const wanted = chosen.filter((entry) => {
    if (content === "all") return true;
    if (content === "definitions") return entry.isDefinition;
    // A sequence that only comes along may have gone on where its table is.
    return isContent(entry) && !entry.dependencies.some((dumpId) => alone.has(dumpId));
  });
  const roles = new Set(wanted.flatMap((entry) => entry.roles));
  return { ...selection, loaded: new Set(wanted.map(({ dumpId }) => dumpId)), only, content, entries, roles };
}

function everything(entries: readonly ArchiveEntry[]): EntrySelection {
  const loaded = new Set(entries.map(({ dumpId }) => dumpId));
  return { loaded, asked: [], along: [], leftOut: [], heirs: [], unmatched: [] };
}

interface ReadEntry extends OutlinedEntry {
  /** pg_restore counts it to the schema. */
  readonly isDefinition: boolean;
}

/** Definitions by the archive's script, rows by its list. */
async function readEntries(pgRestore: string, source: ArchiveSource, context: RunContext): Promise<ReadEntry[]> {
  const { entries } = await readOutline(pgRestore, source, context, { headOnly: true });
  const defined = new Map(entries.map((entry) => [entry.dumpId, entry]));
  const listed = await listEntries({ pgRestore, source }, context, { headOnly: true });
  return listed.map(({ dumpId, contentType = "", dependencies }) => {
    const entry = defined.get(dumpId);
    if (entry !== undefined) return { ...entry, isDefinition: true };
    return { dumpId, type: contentType, schema: "-", name: "", dependencies, roles: [], isDefinition: false };
  });
}

/**
 * The part of the backup's digest that the selection is to be compared with. Errors: those of
 * reading the archive, where a name is that of several entries.
 */
export async function narrowDigest(
  digest: ContentDigest,
  selection: ArchiveSelection | undefined,
  load: Pick<ArchiveLoad, "pgRestore" | "source">,
  context: RunContext,
): Promise<ContentDigest> {
  if (selection === undefined) return digest;
  const { entries, loaded } = selection;
  const chosen = chosenObjects(entries, loaded);
  const definitions = chosen.shared.size === 0 ? [] : await digestDefinitions({ ...load, only: loaded }, context);
  return selectDigest(digest, chosen, definitions);
}

/** Prefixes of objects that a loaded part has without having been asked for them. */
export function prefixesBeyond({ content }: PartRequest): string[] {
  // A sequence that is made has a value.
  return content === "definitions" ? ["sequence "] : [];
}

/** What a place says of the selection that it takes. */
export function describePart(selection: ArchiveSelection): PlaceSelection {
  const { only, content, entries, loaded } = selection;
  return {
    only: only ?? [],
    cutOff: only === undefined ? [] : cutOffTables(entries, selection),
    ...(content === "all" ? {} : { content }),
    count: (digest) => ({
      objects: selectDigest(digest, chosenObjects(entries, loaded), []).objectCount,
      of: countObjects(digest),
    }),
  };
}

const maxNamesShown = 5;

function notFound(unmatched: readonly string[], entries: readonly ArchiveEntry[]): HoldfastError {
  const names = entries.filter(isRelation).map(({ schema, name }) => spellQualified(schema, name));
  const schemas = entries.filter(({ type }) => type === "SCHEMA").map(({ name }) => `schema ${name}`);
  const near = [...new Set(unmatched.flatMap((text) => findNear(text, [...names, ...schemas])))].slice(0, maxNamesShown);
  const what = unmatched.map((text) => JSON.stringify(text)).join(", ");
  return new HoldfastError("SelectionNotFound", `the backup holds nothing that --only ${what} names`, {
    details: near.map((name) => `near: ${name}`),
    hint:
      near.length > 0
        ? `Write one of the names that are near: --only '${near[0]}'.`
        : "Write a table as schema.table, or schema NAME; `holdfast find <source> --table <name>` looks for one.",
  });
}

/** The same name in other schemas, the nearest one, and those that contain it. */
function findNear(text: string, names: readonly string[]): string[] {
  const wanted = text.replace(/^(?:table|sequence|view) /, "").toLowerCase();
  const bare = wanted.slice(wanted.lastIndexOf(".") + 1).replaceAll(/[*?"]/g, "");
  const lower = (name: string): string => name.toLowerCase().replaceAll('"', "");
  const same = names.filter((name) => lower(name) === bare || lower(name).endsWith(`.${bare}`));
  const nearest = nearestName(wanted, names) ?? nearestBare(bare, names);
  const holding = bare.length < 3 ? [] : names.filter((name) => lower(name).includes(bare));
  return [...same, ...(nearest === undefined ? [] : [nearest]), ...holding];
}

function nearestBare(bare: string, names: readonly string[]): string | undefined {
  const bareOf = (name: string): string => name.slice(name.lastIndexOf(".") + 1).replaceAll('"', "");
  const nearest = nearestName(bare, names.map(bareOf));
  return names.find((name) => bareOf(name) === nearest);
}
