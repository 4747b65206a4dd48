/**
 * How far a stack's restore is, on its way to people. What restores runs code of the backup and may
 * publish nothing; it notes each quarter in the state bucket,
 * `progress/<source>/<backup>/<execution>/<percent>`, and the watch tells it. A note is a claim: it
 * chooses among three figures, and no words.
 */
import { createHash } from "node:crypto";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { canonicalJson } from "../../vault/documents/canonical-json.ts";
import { object, type ShapeOf, text } from "../../vault/documents/json-shape.ts";
import { readDocument } from "../../vault/documents/read-document.ts";
import { isBackupId, isSourceName } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

const folder = "progress/";
const percents = ["25", "50", "75"];
/** A restore has three; the rest is told at the next look. */
const maxNotes = 60;
const executionPattern = /^arn:[a-z0-9-]+:states:[a-z0-9-]+:\d{12}:execution:[A-Za-z0-9_-]+:[A-Za-z0-9_-]+$/;
const noteShape = object({
  required: { execution: text("an execution's ARN", (value) => executionPattern.test(value)) },
});
const maxNoteBytes = 2_048;

/** A restore of a stack. */
export interface RunningRestore {
  readonly source: string;
  readonly backupId: string;
  /** The execution's ARN. */
  readonly execution: string;
}

/** The furthest quarter that was noted of one. */
export interface NotedProgress extends RunningRestore {
  readonly percent: string;
}

/** `share`: of its bytes. Errors: those of ObjectStore.put. */
export async function noteProgress(
  store: ObjectStore,
  about: RunningRestore,
  share: number,
  { signal }: RunContext,
): Promise<void> {
  await store.put(`${prefixOf(about)}${Math.round(share * 100)}`, canonicalJson({ execution: about.execution }), { signal });
}

/** Removes what is noted of a restore: it is over. Errors: those of the store. */
export async function forgetProgress(store: ObjectStore, about: RunningRestore): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefixOf(about))) if (keys.push(key) === maxNotes) break;
  for (const key of keys) await store.delete(key);
}

/**
 * Tells the furthest quarter of each restore that has noted one, and removes what was told. What
 * nobody could have noted is removed as well. Gives how many were told. Errors: those of `tell` and
 * of the store.
 */
export async function tellNotedProgress(store: ObjectStore, tell: (noted: NotedProgress) => Promise<unknown>): Promise<number> {
  const notes = new Map<string, string[]>();
  let count = 0;
  for await (const { key } of store.list(folder)) {
    const prefix = key.slice(0, key.lastIndexOf("/") + 1);
    notes.set(prefix, [...(notes.get(prefix) ?? []), key.slice(prefix.length)]);
    count += 1;
    if (count === maxNotes) break;
  }
  let told = 0;
  for (const [prefix, names] of notes) {
    const noted = await readNoted(store, prefix, names);
    if (noted !== undefined) {
      await tell(noted);
      told += 1;
    }
    for (const name of names) await store.delete(`${prefix}${name}`);
  }
  return told;
}

async function readNoted(store: ObjectStore, prefix: string, names: readonly string[]): Promise<NotedProgress | undefined> {
  const percent = percents.findLast((each) => names.includes(each));
  const [source = "", backupId = ""] = prefix.slice(folder.length).split("/");
  if (percent === undefined || !isSourceName(source) || !isBackupId(backupId)) return undefined;
  const note = await readNote(store, `${prefix}${percent}`);
  if (note === undefined) return undefined;
  const about = { source, backupId, execution: note.execution };
  return prefixOf(about) === prefix ? { ...about, percent } : undefined;
}

/** Undefined: it is not a note, or was removed meanwhile. Errors: those of the store. */
async function readNote(store: ObjectStore, key: string): Promise<ShapeOf<typeof noteShape> | undefined> {
  try {
    const asked = { name: "note", shape: noteShape, error: "EvidenceInvalid", maxBytes: maxNoteBytes } as const;
    return (await readDocument(store, key, asked)).value;
  } catch (error) {
    if (isHoldfastError(error, "EvidenceInvalid", "ObjectNotFound")) return undefined;
    throw error;
  }
}

/** An ARN holds characters that keys had better not have, and is long. */
function prefixOf({ source, backupId, execution }: RunningRestore): string {
  return `${folder}${source}/${backupId}/${createHash("sha256").update(execution).digest("hex").slice(0, 32)}/`;
}
