/**
 * Content digests and source checks as documents have them: counts and sizes in clear, and what
 * depends on the content itself apart, for the holders of a key. Pure.
 */
import type { ContentDigest, ContentSample, GroupFigures, ObjectDigest, SourceCheckResult } from "./content.ts";

/** A content digest without its hashes and samples, and, sealed, those. */
export interface RecordedDigest extends Omit<ContentDigest, "sha256" | "objects" | "groups"> {
  readonly objects?: readonly Omit<ObjectDigest, "sha256" | "sample">[];
  readonly groups?: readonly Omit<GroupFigures, "sample">[];
  /** The hashes and samples; absent where the backup's digest key could not be had. */
  readonly sealed?: readonly string[];
  /** The id of the key that they are sealed under. */
  readonly digestKeyId?: string;
}

/** A source check without its hashes, and, sealed, those. */
export interface RecordedSourceCheck {
  readonly mode: SourceCheckResult["mode"];
  readonly objects: Readonly<Record<string, { readonly rows: number }>>;
  /** The hashes, where the mode is `content`. */
  readonly sealed?: readonly string[];
}

/** What documents say in clear, and the texts that belong to it. */
export interface Split<C> {
  readonly clear: C;
  readonly texts: readonly string[];
}

/** Two numbers of up to seven digits: a sample has 64 KiB at most, one of groups a few MiB. */
const sampleLength = 20;
const hashLength = 64;

/**
 * The texts: the whole's SHA-256, one text an object (its SHA-256, and its sample where it has
 * one), one a group (its sample, or spaces). Their lengths say no more than the clear part does.
 */
export function splitDigest({
  sha256,
  objects,
  groups,
  ...totals
}: ContentDigest): Split<Omit<RecordedDigest, "sealed" | "digestKeyId">> {
  const clear = {
    ...totals,
    ...(objects === undefined ? {} : { objects: objects.map(({ sha256: _sha256, sample: _sample, ...figures }) => figures) }),
    ...(groups === undefined ? {} : { groups: groups.map(({ sample: _sample, ...figures }) => figures) }),
  };
  const texts = [
    sha256,
    ...(objects ?? []).map((entry) => `${entry.sha256}${entry.sample === undefined ? "" : ` ${writeSample(entry.sample)}`}`),
    ...(groups ?? []).map(({ sample }) => (sample === undefined ? "".padEnd(sampleLength) : writeSample(sample))),
  ];
  return { clear, texts };
}

/** What `splitDigest` took apart; undefined where the texts are not those of this digest. */
export function joinDigest(
  { sealed: _sealed, digestKeyId: _digestKeyId, objects, groups, ...totals }: RecordedDigest,
  texts: readonly string[],
): ContentDigest | undefined {
  if (texts.length !== 1 + (objects?.length ?? 0) + (groups?.length ?? 0)) return undefined;
  const [sha256 = "", ...rest] = texts;
  const own = rest.slice(0, objects?.length ?? 0);
  const ofGroups = rest.slice(own.length);
  return {
    ...totals,
    sha256,
    ...(objects === undefined ? {} : { objects: objects.map((entry, at) => ({ ...entry, ...readHashed(own[at] ?? "") })) }),
    ...(groups === undefined ? {} : { groups: groups.map((entry, at) => ({ ...entry, ...readSample(ofGroups[at] ?? "") })) }),
  };
}

/** The texts: the hashes of the objects, in the order of their names. */
export function splitSourceCheck({ mode, objects }: SourceCheckResult): Split<Omit<RecordedSourceCheck, "sealed">> {
  const named = Object.entries(objects);
  return {
    clear: { mode, objects: Object.fromEntries(named.map(([object, { rows }]) => [object, { rows }])) },
    texts: byName(named).map(([, { hash = "" }]) => hash.padEnd(hashLength)),
  };
}

/** What `splitSourceCheck` took apart; undefined where the texts are not those of this check. */
export function joinSourceCheck({ mode, objects }: RecordedSourceCheck, texts: readonly string[]): SourceCheckResult | undefined {
  const named = byName(Object.entries(objects));
  if (texts.length !== named.length) return undefined;
  return {
    mode,
    objects: Object.fromEntries(
      named.map(([object, { rows }], at) => {
        const hash = (texts[at] ?? "").trimEnd();
        return [object, hash === "" ? { rows } : { rows, hash }];
      }),
    ),
  };
}

/** What of a check needs no key: the rows. */
export function countsOf({ mode, objects }: RecordedSourceCheck): SourceCheckResult {
  return { mode: mode === "content" ? "counts" : mode, objects };
}

function byName<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

function writeSample({ bytes, compressedBytes }: ContentSample): string {
  return `${bytes} ${compressedBytes}`.padEnd(sampleLength);
}

function readSample(text: string): { sample?: ContentSample } {
  const [bytes = "", compressedBytes = ""] = text.trimEnd().split(" ");
  return bytes === "" ? {} : { sample: { bytes: Number(bytes), compressedBytes: Number(compressedBytes) } };
}

function readHashed(text: string): { sha256: string; sample?: ContentSample } {
  const end = text.indexOf(" ");
  return end < 0 ? { sha256: text } : { sha256: text.slice(0, end), ...readSample(text.slice(end + 1)) };
}
