/**
 * The list of an archive's parts, `parts.jsonl`, and what a later backup finds in it: which parts
 * it need not store again. It is sealed like the archive: its checksums are of plain content.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupReader } from "../backup-reader.ts";
import { createByteSource } from "./byte-source.ts";

export const partsName = "parts.jsonl";

/** One part of the archive. */
export interface PartRecord {
  /** Of its artifact. */
  readonly name: string;
  readonly bytes: number;
  /** Of all its bytes, hex. */
  readonly sha256: string;
  /** Of the header of its first entry, hex: by this a large file is known before it is read. */
  readonly headSha256: string;
}

export interface KnownParts {
  /** Takes the part with this content, if there is one: no part is taken twice. */
  take(sha256: string): PartRecord | undefined;
  /** A part of so many bytes that begins with this header: the only one that can be the same. */
  find(bytes: number, header: Buffer): PartRecord | undefined;
  /** Whether any part's name begins so. */
  hasName(prefix: string): boolean;
}

const maxLineBytes = 4_096;

/** The list as it is stored. Memory is the text's. */
export function openPartList(parts: readonly PartRecord[]): Readable {
  return Readable.from([Buffer.from(parts.map((part) => `${JSON.stringify(part)}\n`).join(""))], { objectMode: false });
}

/** What may be reused of a backup: nothing without one. Errors: ContentInvalid, the reader's. */
export async function readKnownParts(base: BackupReader | undefined): Promise<KnownParts> {
  const bySum = new Map<string, PartRecord>();
  const byHead = new Map<string, PartRecord>();
  if (base !== undefined) {
    const offered = new Set(base.artifacts.map(({ name }) => name));
    for await (const part of readPartList(await base.open(partsName))) {
      if (!offered.has(part.name)) continue;
      bySum.set(part.sha256, part);
      byHead.set(`${part.bytes} ${part.headSha256}`, part);
    }
  }
  return {
    take(sha256) {
      const part = bySum.get(sha256);
      bySum.delete(sha256);
      return part;
    },
    find(bytes, header) {
      const part = byHead.get(`${bytes} ${sha256Of(header)}`);
      return part !== undefined && bySum.has(part.sha256) ? part : undefined;
    },
    hasName: (prefix) => [...bySum.values()].some(({ name }) => name.startsWith(prefix)),
  };
}

async function* readPartList(stream: Readable): AsyncGenerator<PartRecord> {
  const source = createByteSource(stream);
  try {
    for (let number = 1; ; number++) {
      const line = await source.takeLine(maxLineBytes);
      if (line === undefined) return;
      yield parsePart(line.toString("utf8"), number);
    }
  } finally {
    stream.destroy();
  }
}

function parsePart(line: string, number: number): PartRecord {
  const fail = () => new HoldfastError("ContentInvalid", `${partsName}, line ${number}: is not a part of an archive`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw fail();
  }
  if (typeof value !== "object" || value === null) throw fail();
  const { name, bytes, sha256, headSha256 } = value as Partial<Record<keyof PartRecord, unknown>>;
  const isSum = (text: unknown): text is string => typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
  if (typeof name !== "string" || !Number.isSafeInteger(bytes) || !isSum(sha256) || !isSum(headSha256)) throw fail();
  return { name, bytes: bytes as number, sha256, headSha256 };
}

export function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
