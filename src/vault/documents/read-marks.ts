/**
 * Read marks: who is reading a backup, so that no prune deletes it meanwhile (docs/vault-format.md,
 * "Read marks"). The reader writes its mark before it reads the manifest; who deletes removes the
 * manifest before it looks for marks, and puts it back when there is one. So either the reader
 * finds no backup, or the deleter finds the reader.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { keyOf, parseReadMarkKey, type ReadMarkKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { canonicalJson } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { instant, object, oneOf, type ShapeOf, text } from "./json-shape.ts";
import { maxSmallDocumentBytes, readDocument } from "./read-document.ts";

/**
 * How long the mark of a reader that died protects its backup: long enough that a laptop which
 * slept over it still has its mark, short enough that nothing is kept for long. A reader that takes
 * longer marks anew (renewReadMarkMs).
 */
const lifetimeMs = 24 * 3_600_000;
/** How far the clock of a reader on another machine may be ahead. */
const clockSlackMs = 3_600_000;
const unknownReader = "by a run that does not say which";

const markShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    by: text(),
    /** `restore`, `restore test`, `verify`, `export`. */
    purpose: text(),
    since: instant,
  },
});

export type ReadMark = Omit<ShapeOf<typeof markShape>, "formatVersion">;

/** How often a reader marks anew: twice it may fail before its mark is over. */
export const renewReadMarkMs = lifetimeMs / 3;

export interface MarkRequest extends ReadMark {
  readonly source: string;
  readonly backupId: string;
  /** The reader's clock. */
  readonly now: Date;
  /** 8 random bytes, hex. */
  readonly token: string;
}

/**
 * Marks a backup as being read, for a day from now. Returns what takes the mark back. Errors: those
 * of ObjectStore.
 */
export async function markReading(store: ObjectStore, request: MarkRequest): Promise<() => Promise<void>> {
  const { source, backupId, now, token, by, purpose, since } = request;
  const key = keyOf.readMark(source, backupId, new Date(now.getTime() + lifetimeMs), token);
  await store.put(key, canonicalJson({ formatVersion: 2, by, purpose, since }), { ifAbsent: true });
  return async () => {
    await store.delete(key);
  };
}

/**
 * The marks of a source, or of one backup of it, by key; those that are over as well: their reader
 * died. Errors: those of ObjectStore.
 */
export async function* listReadMarks(
  store: ObjectStore,
  source: string,
  id?: string,
): AsyncGenerator<ReadMarkKey, void, undefined> {
  for await (const { key } of store.list(keyOf.readMarkPrefix(source, id), { includeOdd: true })) {
    const mark = parseReadMarkKey(key);
    if (mark !== undefined) yield mark;
  }
}

/**
 * Whether the mark keeps its backup at `now`: it is not over, and does not last longer than any
 * reader marks for. One that does was made by a wrong clock or by somebody who wants to keep prunes
 * away for ever.
 */
export function isActiveMark({ until }: ReadMarkKey, now: Date): boolean {
  return until > now && until.getTime() <= now.getTime() + lifetimeMs + clockSlackMs;
}

/**
 * Says in words who reads; a mark that is gone or cannot be read still says that somebody does.
 * Errors: those of ObjectStore.get.
 */
export async function describeReader(store: ObjectStore, key: string): Promise<string> {
  try {
    const options = { name: "mark", shape: markShape, error: "VaultInvalid", maxBytes: maxSmallDocumentBytes } as const;
    const { by, purpose, since } = (await readDocument(store, key, options)).value;
    return `${purpose} by ${by} since ${since}`;
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound", "VaultInvalid")) return unknownReader;
    throw error;
  }
}
