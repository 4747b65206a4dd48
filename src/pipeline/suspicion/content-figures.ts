/**
 * What a backup held, part by part: the figures that backups are compared by. From a content digest
 * alone; pure.
 */
import type { ContentDigest, ContentSample } from "../../proof/content.ts";
import type { RecordedDigest } from "../../proof/recorded-digest.ts";

export interface PartFigures {
  /** `table public.orders`, `directory uploads`, `type pdf`, `large objects`, `definitions`. */
  readonly object: string;
  /** Rows or files; absent where only bytes are known. */
  readonly rows?: number;
  readonly bytes: number;
  readonly sample?: ContentSample | undefined;
  readonly sha256?: string;
}

export interface ContentFigures {
  readonly parts: ReadonlyMap<string, PartFigures>;
  /** Partitions, as far as their definitions say so; by the names of their parts. */
  readonly partitions: ReadonlySet<string>;
}

/** Stands for all of a backup whose digest tells no parts apart. */
export const wholeName = "the backup";

const attached = "schema TABLE ATTACH ";

/**
 * The parts of a digest: tables (or groups of files), all large objects as one, all definitions as
 * one.
 */
export function figuresOf({ objects, groups, rows, bytes }: ContentDigest | RecordedDigest): ContentFigures {
  const parts = new Map<string, PartFigures>();
  const partitions = new Set<string>();
  const addTo = (object: string, more: { readonly rows: number; readonly bytes: number }): void => {
    const known = parts.get(object);
    parts.set(object, { object, rows: (known?.rows ?? 0) + more.rows, bytes: (known?.bytes ?? 0) + more.bytes });
  };
  for (const entry of objects ?? []) {
    if (entry.object.startsWith("table ")) parts.set(entry.object, entry);
    else if (entry.object.startsWith("routed rows of ")) parts.set(entry.object, { object: entry.object, bytes: entry.bytes });
    else if (entry.object.startsWith("large objects ")) addTo("large objects", { rows: entry.rows ?? 0, bytes: entry.bytes });
    else if (entry.object.startsWith("schema ")) addTo("definitions", { rows: 1, bytes: entry.bytes });
    if (entry.object.startsWith(attached)) partitions.add(`table ${entry.object.slice(attached.length)}`);
  }
  for (const group of groups ?? []) parts.set(group.object, group);
  // A tree without files has no parts: all that it had are gone. (One with too many of every sort
  // has files.)
  const isEmptyTree = groups !== undefined && rows === 0;
  if (parts.size === 0 && !isEmptyTree) parts.set(wholeName, { object: wholeName, rows, bytes });
  return { parts, partitions };
}
