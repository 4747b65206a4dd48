/**
 * The archive in parts, each an artifact: those that an earlier backup stored are named, the others
 * given to be stored. A part is known again by the checksum of all its bytes, so every file is read
 * in every backup: equal times and sizes are never taken for equal content.
 */
import { once } from "node:events";
import { Readable } from "node:stream";
import type { DumpArtifact, ReusedArtifact } from "../dump-session.ts";
import { type ArchiveOptions, isFurtherName, type LinkedFiles, writeEntry } from "./dump-archive.ts";
import { gatherPart, measurePart, type PartBytes } from "./gather-part.ts";
import type { KnownParts, PartRecord } from "./part-list.ts";
import { isBorder, maxGatheredBytes, maxParts, standsAlone, targetBytesOf } from "./part-plan.ts";
import { type Reading, readAhead } from "./read-ahead.ts";
import { archiveEnd } from "./tar-header.ts";
import type { WalkedEntry } from "./walk-tree.ts";

export interface PartsOptions extends ArchiveOptions {
  readonly walk: AsyncIterable<WalkedEntry>;
  readonly known: KnownParts;
  /** The name of the artifact of a new part. */
  readonly nameOf: (number: number) => string;
  /** Gets every part, in the archive's order. */
  readonly parts: PartRecord[];
}

type Part = DumpArtifact | ReusedArtifact;

/**
 * The parts in the archive's order. Ends early, without an error, when a body was destroyed before
 * its end: who did that knows why. Returns whether all of the tree was given. Rejects with what the
 * walk or `addLine` rejects with.
 */
export async function* giveParts(options: PartsOptions): AsyncGenerator<Part, boolean> {
  const { parts } = options;
  const linked: LinkedFiles = new Map();
  const readings = readAhead(options.walk);
  let part = gatherPart();
  try {
    for (let next = await readings.next(); next.done !== true; next = await readings.next()) {
      const size = contentBytesOf(next.value, linked);
      const target = targetBytesOf(parts.length);
      const alone = standsAlone(size, target);
      if (alone && part.bytes > 0) {
        yield closePart(part, options);
        part = gatherPart();
      }
      const streamed = parts.length >= maxParts ? withRest(next.value, readings, linked, options) : undefined;
      if (streamed !== undefined || size > maxGatheredBytes) {
        if (!(yield* giveStreamed(streamed ?? large(next.value, linked, options), options))) return false;
        continue;
      }
      for await (const piece of writeEntry(next.value, linked, options)) part.add(piece);
      if (part.bytes === 0 || !(alone || part.bytes >= 2 * target || isBorder(next.value.path, size, target))) continue;
      yield closePart(part, options);
      part = gatherPart();
    }
    part.add(archiveEnd);
    yield closePart(part, options);
    return true;
  } finally {
    await readings.return(undefined);
  }
}

/** Bytes of content that the entry brings into the archive, as far as the walk knows. */
function contentBytesOf(reading: Reading, linked: LinkedFiles): number {
  return reading.stats.isFile() && !isFurtherName(reading, linked) ? Number(reading.stats.size) : 0;
}

function closePart(gathered: PartBytes, { known, nameOf, parts }: PartsOptions): Part {
  const { chunks, ...measured } = gathered.finish();
  const same = known.take(measured.sha256);
  parts.push(same ?? { name: nameOf(parts.length), ...measured });
  if (same !== undefined) return { reuse: same.name };
  return artifactOf(parts.at(-1)?.name ?? "", Readable.from(chunks, { objectMode: false }));
}

function artifactOf(name: string, body: Readable): DumpArtifact {
  return { name, role: "archive", format: "tar", compress: true, body };
}

/** Bytes that are too many to be gathered first; none where the entry gave none. */
interface Streamed {
  readonly pieces: AsyncGenerator<Buffer>;
  /** What an earlier backup stored of it; known once `pieces` has ended without any. */
  readonly stored?: { current: PartRecord | undefined };
}

/** A file that is a part of its own. */
function large(reading: Reading, linked: LinkedFiles, options: PartsOptions): Streamed {
  const stored: NonNullable<Streamed["stored"]> = { current: undefined };
  const findStored: ArchiveOptions["findStored"] = (header, bytes) => {
    const same = options.known.find(bytes, header);
    if (same === undefined) return undefined;
    return { sha256: same.sha256, reused: () => (stored.current = options.known.take(same.sha256)) };
  };
  return { stored, pieces: writeEntry(reading, linked, { ...options, findStored }) };
}

/** All that is left of the tree, in the one part after which there is none. */
function withRest(first: Reading, readings: AsyncGenerator<Reading>, linked: LinkedFiles, options: PartsOptions): Streamed {
  async function* pieces(): AsyncGenerator<Buffer> {
    yield* writeEntry(first, linked, options);
    for (let next = await readings.next(); next.done !== true; next = await readings.next()) {
      yield* writeEntry(next.value, linked, options);
    }
  }
  return { pieces: pieces() };
}

/** False when the body was destroyed before its end. */
async function* giveStreamed({ pieces, stored }: Streamed, { nameOf, parts }: PartsOptions): AsyncGenerator<Part, boolean> {
  const first = await pieces.next();
  if (first.done === true) {
    if (stored?.current === undefined) return true;
    parts.push(stored.current);
    yield { reuse: stored.current.name };
    return true;
  }
  const name = nameOf(parts.length);
  const measure = measurePart();
  async function* measured(): AsyncGenerator<Buffer> {
    for (let next: IteratorResult<Buffer> = first; next.done !== true; next = await pieces.next()) {
      measure.update(next.value);
      yield next.value;
    }
    parts.push({ name, ...measure.finish() });
  }
  const body = Readable.from(measured(), { objectMode: false });
  const closed = once(body, "close");
  // A failure of its own is the consumer's to tell.
  body.on("error", () => undefined);
  yield artifactOf(name, body);
  await closed.catch(() => undefined);
  return body.readableEnded;
}
