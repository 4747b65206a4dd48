/**
 * Figures of a tree's parts, for comparing a backup with those before it: per directory (two
 * levels) and per file type the number of files, their bytes, and how well they compress. A bounded
 * number of groups, whatever the tree.
 */
import { createHash } from "node:crypto";
import type { GroupFigures } from "../../proof/content.ts";
import { measureSample } from "../../proof/content-sample.ts";
import { bucketOf, maxNamedGroups } from "../../proof/group-buckets.ts";
import type { Entry } from "./entry.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";

/**
 * Files whose beginning is sampled in each group: the same ones every time, chosen by their names'
 * hashes.
 */
const sampledFiles = 16;
const sampledBytes = 4096;

interface Group {
  rows: number;
  bytes: number;
  /** The files with the smallest hashes, ascending. */
  readonly samples: { readonly hash: number; readonly bytes: Buffer }[];
}

type Sort = "top" | "second" | "type";

export interface GroupCollector {
  /** Counts an entry; reads its body to the end where it takes a sample of it. */
  add(entry: Entry, body: AsyncIterable<Buffer> | undefined): Promise<void>;
  finish(): GroupFigures[];
}

export function createGroupCollector(): GroupCollector {
  const sorts: Record<Sort, Map<string, Group>> = { top: new Map(), second: new Map(), type: new Map() };
  /** Sorts of which there are too many to name each. */
  const crowded = new Set<Sort>();

  function groupsOf(path: EntryPath): Group[] {
    return namesOf(path).map(([sort, name]) => {
      if (!crowded.has(sort) && !sorts[sort].has(name) && sorts[sort].size === maxNamedGroups) {
        crowded.add(sort);
        sorts[sort] = foldGroups(sorts[sort]);
      }
      return getOrMake(sorts[sort], crowded.has(sort) ? bucketOf(name) : name);
    });
  }

  return {
    async add(entry, body) {
      if (entry.type !== "file" && entry.type !== "hardlink") return;
      const groups = groupsOf(entry.path);
      for (const group of groups) {
        group.rows++;
        group.bytes += entry.size;
      }
      if (body === undefined || entry.size === 0) return;
      const hash = createHash("sha1").update(entry.path, "latin1").digest().readUInt32BE(0);
      const wanting = groups.filter(
        ({ samples }) => samples.length < sampledFiles || hash < (samples.at(-1)?.hash ?? Number.POSITIVE_INFINITY),
      );
      if (wanting.length === 0) return;
      const bytes = await readBeginning(body);
      for (const { samples } of wanting) {
        samples.push({ hash, bytes });
        samples.sort((a, b) => a.hash - b.hash);
        samples.length = Math.min(samples.length, sampledFiles);
      }
    },
    finish: () => Object.values(sorts).flatMap((groups) => [...groups].map(([object, group]) => figuresOf(object, group))),
  };
}

function getOrMake(groups: Map<string, Group>, name: string): Group {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const group: Group = { rows: 0, bytes: 0, samples: [] };
  groups.set(name, group);
  return group;
}

/** The same files in buckets, as if they had been counted so from the beginning. */
function foldGroups(named: ReadonlyMap<string, Group>): Map<string, Group> {
  const buckets = new Map<string, Group>();
  for (const [name, { rows, bytes, samples }] of named) {
    const bucket = getOrMake(buckets, bucketOf(name));
    bucket.rows += rows;
    bucket.bytes += bytes;
    bucket.samples.push(...samples);
    bucket.samples.sort((a, b) => a.hash - b.hash);
    bucket.samples.length = Math.min(bucket.samples.length, sampledFiles);
  }
  return buckets;
}

function figuresOf(object: string, { rows, bytes, samples }: Group): GroupFigures {
  const sample = measureSample(Buffer.concat(samples.map((each) => each.bytes)));
  return { object, rows, bytes, ...(sample === undefined ? {} : { sample }) };
}

/** What a file belongs to: `directory uploads`, `directory uploads/2026`, `type pdf`. */
function namesOf(path: EntryPath): [Sort, string][] {
  const [first = "", second, third] = path.split("/", 3);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const type = /[^.]\.([A-Za-z0-9]{1,10})$/.exec(name)?.[1]?.toLowerCase() ?? "(none)";
  const directory = (...parts: string[]): string => `directory ${displayPath(parts.join("/") as EntryPath)}`;
  return [
    ["top", second === undefined ? "directory ." : directory(first)],
    ...(second === undefined || third === undefined ? [] : [["second", directory(first, second)] as [Sort, string]]),
    ["type", `type ${type}`],
  ];
}

/**
 * A bounded beginning; the rest is read all the same, because its checksum is compared at its end.
 */
async function readBeginning(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const beginning: Buffer[] = [];
  let missing = sampledBytes;
  for await (const chunk of body) {
    if (missing === 0) continue;
    // A copy: chunks are used again for what comes next.
    beginning.push(Buffer.from(chunk.subarray(0, missing)));
    missing -= Math.min(missing, chunk.length);
  }
  return Buffer.concat(beginning);
}
