/**
 * Chooses entries of a backup by their names: what `--only` means for files. What is chosen is
 * written as an index of its own, in the archive's order: with the directories that it stands in,
 * and the first names of hard links, which hold the content.
 */
import type { ContentDigest } from "../../proof/content.ts";
import { createDigestBuilder } from "./digest.ts";
import { type Entry, formatIndexLine } from "./entry.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { createIndexWriter, readIndex } from "./index-spool.ts";
import { createPathMatcher } from "./path-matcher.ts";

export interface FilesSelection {
  /** The index of what is chosen (index-spool.ts). */
  readonly spool: string;
  /** Of what is chosen, and of the whole backup as its index has it. */
  readonly digest: ContentDigest;
  readonly whole: ContentDigest;
  /** First names of chosen hard links that nobody asked for: so many, and the first of them. */
  readonly along: { readonly count: number; readonly names: readonly string[] };
  /** Patterns that match nothing, as they were given. */
  readonly unmatched: readonly string[];
}

const maxNamed = 10;

/**
 * Reads the index in `spool` twice, and writes what is chosen to `chosenSpool`. Memory holds the
 * first names of chosen hard links. Errors: ContentInvalid, DiskFull, those of an aborted signal.
 */
export async function selectEntries(
  spool: string,
  only: readonly string[],
  chosenSpool: string,
  signal: AbortSignal,
): Promise<FilesSelection> {
  const holders = new Set<EntryPath>();
  const whole = createDigestBuilder();
  const matcher = createPathMatcher(only);
  for await (const [entry, isChosen] of judgeAll(spool, matcher.judge, signal)) {
    whole.add(entry);
    if (isChosen && entry.hardLinkOf !== undefined) holders.add(entry.hardLinkOf);
  }
  const writer = createIndexWriter(chosenSpool);
  const chosen = createDigestBuilder();
  const along: string[] = [];
  let count = 0;
  for await (const [entry, isChosen] of withDirectories(judgeAll(spool, matcher.judge, signal), holders)) {
    if (!isChosen && holders.has(entry.path)) {
      count++;
      if (along.length < maxNamed) along.push(displayPath(entry.path));
    }
    chosen.add(entry);
    await writer.add(formatIndexLine(entry));
  }
  await writer.finish();
  return {
    spool: chosenSpool,
    digest: chosen.finish(),
    whole: whole.finish(),
    along: { count, names: along },
    unmatched: matcher.unmatched(),
  };
}

type Judged = readonly [entry: Entry, isChosen: boolean];

/** Every entry, and whether it is chosen; what stands beneath a chosen directory is. */
async function* judgeAll(
  spool: string,
  judge: (path: EntryPath, isDirectory: boolean) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Judged> {
  /** The chosen directory that the entries to come may stand in. */
  let within: EntryPath | undefined;
  for await (const entry of readIndex(spool)) {
    signal.throwIfAborted();
    if (entry.type === "skipped") continue;
    const { path } = entry;
    if (within !== undefined && !path.startsWith(`${within}/`)) within = undefined;
    // Asked beneath a chosen directory too: each pattern wants to be known as used.
    const isChosen = judge(path, entry.type === "directory") || within !== undefined;
    if (isChosen && within === undefined && entry.type === "directory") within = path;
    yield [entry, isChosen];
  }
}

/** What is chosen and what it needs, each after the directories that it stands in. */
async function* withDirectories(entries: AsyncIterable<Judged>, holders: ReadonlySet<EntryPath>): AsyncGenerator<Judged> {
  /** Directories that may still turn out to be needed, from the root on. */
  const waiting: Judged[] = [];
  for await (const judged of entries) {
    const [{ path, type }, isChosen] = judged;
    for (let top = waiting.at(-1); top !== undefined && !isWithin(path, top[0].path); top = waiting.at(-1)) waiting.pop();
    if (isChosen || holders.has(path)) {
      yield* waiting.splice(0);
      yield judged;
    } else if (type === "directory") waiting.push(judged);
  }
}

function isWithin(path: EntryPath, directory: EntryPath): boolean {
  return directory === "" || path.startsWith(`${directory}/`);
}
