/**
 * What an ELF file of 64 bits asks of the system: read by its headers, for programs of another
 * processor cannot be run here.
 */
import { readFileSync } from "node:fs";

export interface ElfFile {
  /** Node's name of the processor. */
  readonly processor: "x64" | "arm64" | "other";
  /** The libraries that it is linked with. */
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  /** The versions of symbols it asks of each library: `libc.so.6` -> `GLIBC_2.34`, … */
  readonly versions: ReadonlyMap<string, readonly string[]>;
}

/** Of the ELF specification and its processors' supplements: e_machine. */
const processors: ReadonlyMap<number, ElfFile["processor"]> = new Map([
  [62, "x64"],
  [183, "arm64"],
]);
/** Types of sections and tags of entries, of the specification and of the LSB (symbol versions). */
const [sectionDynamic, sectionVersionNeed] = [6, 0x6f_ff_ff_fe];
const [tagNeeded, tagSoname] = [1, 14];

export interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

/** The file's demands; undefined when it is not an ELF file of 64 bits, little end first. */
export function readElf(file: string): ElfFile | undefined {
  const bytes = readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f_45_4c_46 || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const sections = readSections(bytes);
  const textOf = (section: Section, offset: number): string => {
    const from = (sections[section.link]?.offset ?? 0) + offset;
    return bytes.toString("latin1", from, bytes.indexOf(0, from));
  };
  const dynamic = sections.find(({ type }) => type === sectionDynamic);
  const tags = dynamic === undefined ? [] : readDynamic(bytes, dynamic, textOf);
  const of = (wanted: number): string[] => tags.flatMap(({ tag, text }) => (tag === wanted ? [text] : []));
  const needs = sections.find(({ type }) => type === sectionVersionNeed);
  return {
    processor: processors.get(bytes.readUInt16LE(18)) ?? "other",
    needed: of(tagNeeded),
    soname: of(tagSoname)[0],
    versions: needs === undefined ? new Map() : readVersions(bytes, needs, textOf),
  };
}

export function readSections(bytes: Buffer): Section[] {
  const start = Number(bytes.readBigUInt64LE(40));
  const [size, count] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
    };
  });
}

type TextOf = (section: Section, offset: number) => string;

function readDynamic(bytes: Buffer, section: Section, textOf: TextOf): { readonly tag: number; readonly text: string }[] {
  return Array.from({ length: section.size / 16 }, (_, index) => {
    const at = section.offset + index * 16;
    const tag = Number(bytes.readBigInt64LE(at));
    const text = tag === tagNeeded || tag === tagSoname ? textOf(section, Number(bytes.readBigUInt64LE(at + 8))) : "";
    return { tag, text };
  });
}

/** A list of libraries, each with a list of versions; both are chained by offsets. */
function readVersions(bytes: Buffer, section: Section, textOf: TextOf): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let library = section.offset;
  for (let left = section.info; left > 0; left -= 1) {
    const names: string[] = [];
    let version = library + bytes.readUInt32LE(library + 8);
    for (let more = bytes.readUInt16LE(library + 2); more > 0; more -= 1) {
      names.push(textOf(section, bytes.readUInt32LE(version + 8)));
      version += bytes.readUInt32LE(version + 12);
    }
    found.set(textOf(section, bytes.readUInt32LE(library + 4)), names);
    library += bytes.readUInt32LE(library + 12);
  }
  return found;
}
