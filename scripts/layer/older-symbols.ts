/**
 * Symbols that Debian 12's libraries ask for in a newer version than Lambda has, and that an older
 * version of the same library has too. Of ICU: Lambda's Amazon Linux 2023 began with GCC 11's
 * libstdc++, and nothing says since when each function has a newer one
 * (amazonlinux/container-images issue 132). Of PostGIS and PROJ: glibc 2.35 gave `hypot` a version
 * without the error handler of System V, which nobody sets (its release notes).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { readElf, readSections, type Section } from "./elf.ts";

interface Renaming {
  readonly from: string;
  /** The first that the file asks for already. */
  readonly to: readonly string[];
  readonly symbols: readonly string[];
}

const renamings: readonly Renaming[] = [
  {
    // `std::condition_variable::wait` is what it was; GCC 12 gave it a new version for another
    // reason.
    from: "GLIBCXX_3.4.30",
    to: ["GLIBCXX_3.4.11"],
    symbols: ["_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE"],
  },
  // The first versions of glibc on x86_64 and on arm64, which have all of C's mathematics.
  { from: "GLIBC_2.35", to: ["GLIBC_2.2.5", "GLIBC_2.17"], symbols: ["hypot", "hypotf"] },
];

/** Types of sections, of the ELF specification and of the LSB (symbol versions). */
const [dynamicSymbols, versionNeed, versionSymbols] = [11, 0x6f_ff_ff_fe, 0x6f_ff_ff_ff];

/**
 * Asks for the older version where nothing but the known symbols asks for the newer; else changes
 * nothing.
 */
export function askForOlderSymbols(file: string): void {
  if (readElf(file) === undefined) return;
  const bytes = readFileSync(file);
  const changed = renamings.map((renaming) => rename(bytes, renaming));
  if (changed.includes(true)) writeFileSync(file, bytes);
}

/** Whether `bytes` were changed. */
function rename(bytes: Buffer, renaming: Renaming): boolean {
  const sections = readSections(bytes);
  const of = (type: number): Section | undefined => sections.find((section) => section.type === type);
  const [needs, symbols, versions] = [of(versionNeed), of(dynamicSymbols), of(versionSymbols)];
  if (needs === undefined || symbols === undefined || versions === undefined) return false;
  const text = (section: Section, offset: number): string => {
    const from = (sections[section.link]?.offset ?? 0) + offset;
    return bytes.toString("latin1", from, bytes.indexOf(0, from));
  };
  const entries = versionEntries(bytes, needs).map((at) => ({ at, name: text(needs, bytes.readUInt32LE(at + 8)) }));
  const newer = entries.find(({ name }) => name === renaming.from);
  const older = entries.find(({ name }) => renaming.to.includes(name));
  if (newer === undefined || older === undefined) return false;
  const index = bytes.readUInt16LE(newer.at + 6);
  const asking = Array.from({ length: versions.size / 2 }, (_, at) => at)
    .filter((at) => bytes.readUInt16LE(versions.offset + 2 * at) === index)
    .map((at) => text(symbols, bytes.readUInt32LE(symbols.offset + 24 * at)));
  if (!asking.every((name) => renaming.symbols.includes(name))) return false;
  // Hash and name; the index, by which the symbols refer to it, stays.
  bytes.copy(bytes, newer.at, older.at, older.at + 4);
  bytes.copy(bytes, newer.at + 8, older.at + 8, older.at + 12);
  return true;
}

/** Offsets of the versions that are asked of all libraries. */
function versionEntries(bytes: Buffer, section: Section): number[] {
  const found: number[] = [];
  let library = section.offset;
  for (let left = section.info; left > 0; left -= 1) {
    let version = library + bytes.readUInt32LE(library + 8);
    for (let more = bytes.readUInt16LE(library + 2); more > 0; more -= 1) {
      found.push(version);
      version += bytes.readUInt32LE(version + 12);
    }
    library += bytes.readUInt32LE(library + 12);
  }
  return found;
}
