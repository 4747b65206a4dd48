/** Which entries of a ledger a restored copy is freed of. */
import type { ErasureTarget } from "../../proof/erasure.ts";
import { canonicalJson } from "../../vault/documents/canonical-json.ts";
import type { ErasureContent } from "../../vault/documents/erasure-entry.ts";

/** An entry that counts, its content opened. */
export interface OpenedErasure {
  readonly number: number;
  readonly id: string;
  readonly recordedAt: string;
  readonly content: ErasureContent;
}

export interface ChosenErasures {
  /** Newer than the backup: taken out of the copy. */
  readonly replayed: readonly OpenedErasure[];
  /**
   * Older: the backup was made of what had been erased already. A row of that key is another
   * person's, came back on purpose, or was never erased: it is looked for, and left alone.
   */
  readonly older: readonly OpenedErasure[];
}

/**
 * An application that records first may delete hours later, and the clocks of source and vault
 * differ: what was erased less than a day before the backup counts as newer.
 */
const slackMs = 24 * 3_600_000;

/** `asOf`: the instant whose state is restored. */
export function chooseErasures(entries: readonly OpenedErasure[], asOf: string): ChosenErasures {
  const from = Date.parse(asOf) - slackMs;
  // The later of the two: an entry may be recorded before what it says is done, or after.
  const isNewer = ({ recordedAt, content }: OpenedErasure): boolean =>
    Math.max(Date.parse(recordedAt), Date.parse(content.erasedAt)) >= from;
  return { replayed: entries.filter(isNewer), older: entries.filter((entry) => !isNewer(entry)) };
}

/** What the entries are about, each target once. */
export function targetsOf(entries: readonly OpenedErasure[]): ErasureTarget[] {
  const targets = new Map<string, ErasureTarget>();
  for (const { content } of entries) for (const target of content.targets) targets.set(canonicalText(target), target);
  return [...targets.values()];
}

function canonicalText(value: unknown): string {
  return Buffer.from(canonicalJson(value)).toString("utf8");
}
