/**
 * Where everything lies in a vault, and what its names mean: docs/vault-format.md, "Layout" and
 * "Keys and ids".
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type BackupKind, backupKinds } from "../policy/policy.ts";
import type { Statement } from "../proof/statement.ts";
import { type CheckName, checkNames } from "./backup-state.ts";
import type { LeaseStream } from "./lease-streams.ts";

/** The vault's own two objects. */
export const vaultKey = "holdfast.json";
export const instructionsKey = "RESTORE.md";
/** The audit trail's: entries are numbered, so that only one can have each name. */
export const auditPrefix = "audit/";

/**
 * A source's name is a file name, a key segment and a word of the command line: no `/`, `@` or
 * leading dot.
 */
const sourcePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/**
 * The manifest's seal among the artifacts; its encryption context says the same name
 * (src/sealing/message.ts).
 */
export const manifestSealName = "manifest";
/** The digest key among the artifacts; its encryption context says the same name too. */
export const digestKeyName = "digest-key";
const artifactPattern = /^[a-z0-9][a-z0-9.-]{0,199}$/;
/** A log that builds on a backup of another kind says so, for listings to know (chains.ts). */
const kindPattern = `(?:${backupKinds.join("|")})(?:(?<=-log)-first)?`;
const idPattern = new RegExp(`^(\\d{8}T\\d{6}Z)-(${kindPattern})-([0-9a-z]{6})$`);
const evidenceNamePattern = new RegExp(`^(\\d{8}T\\d{9}Z)-(${checkNames.join("|")})(?:-(.*))?\\.json$`);
/** A hold's or tombstone's: its backup's id, and the time. */
const recordNamePattern = new RegExp(`^(\\d{8}T\\d{6}Z-${kindPattern}-[0-9a-z]{6})(?:-(\\d{8}T\\d{9}Z)(?:-(.*))?)?\\.json$`);
/** SHA-256 and a signature of 64 bytes, in base64url. */
const signedPattern = /^([\w-]{43})-([\w-]{86})$/;

/**
 * Crockford's base 32: no letters that are mistaken for digits. 32 divides 256, so that every
 * letter is equally likely.
 */
const suffixAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const suffixLength = 6;
/** Entries sort by name as far as ten thousand million of them. */
const auditDigits = 10;

/**
 * Every key of the layout. Errors: VaultInvalid for a source, id or name that cannot be part of a
 * key.
 */
export const keyOf = {
  manifest: (source: string, id: string): string => `manifests/${assertSource(source)}/${assertId(id)}.json`,
  /** With an empty `name`: the prefix of all of a backup's artifacts. */
  artifact: (source: string, id: string, name: string): string => {
    if (name !== "" && !isArtifactName(name))
      throw new HoldfastError("VaultInvalid", `"${name}" cannot be the name of an artifact`);
    return `artifacts/${assertSource(source)}/${assertId(id)}/${name}`;
  },
  /** What shows that the manifest was made with the vault's key. */
  manifestSeal: (source: string, id: string): string => `${keyOf.artifact(source, id, "")}${manifestSealName}`,
  /** Under which the backup's documents say what depends on its content. */
  digestKey: (source: string, id: string): string => `${keyOf.artifact(source, id, "")}${digestKeyName}`,
  evidence: (source: string, id: string, at: Date, check: CheckName, signed: SignedName): string =>
    `${keyOf.evidencePrefix(source, id)}${formatStamp(at, true)}-${check}-${endOf(signed)}`,
  evidencePrefix: (source: string, id: string): string => `evidence/${assertSource(source)}/${assertId(id)}/`,
  hold: (source: string, id: string, at: Date, signed: SignedName): string =>
    `${keyOf.holdPrefix(source, id)}-${formatStamp(at, true)}-${endOf(signed)}`,
  /** Of all holds of one backup: no id is the beginning of another. */
  holdPrefix: (source: string, id: string): string => `holds/${assertSource(source)}/${assertId(id)}`,
  /** Written before Holdfast deletes a backup, and kept. */
  tombstone: (source: string, id: string, at: Date, signed: SignedName): string =>
    `${keyOf.tombstonePrefix(source, id)}-${formatStamp(at, true)}-${endOf(signed)}`,
  tombstonePrefix: (source: string, id: string): string => `tombstones/${assertSource(source)}/${assertId(id)}`,
  auditEntry: (number: number): string => `${auditPrefix}${String(number).padStart(auditDigits, "0")}.json`,
  erasurePrefix: (source: string): string => `erasures/${assertSource(source)}/`,
  erasure: (source: string, number: number): string =>
    `${keyOf.erasurePrefix(source)}${String(number).padStart(auditDigits, "0")}.json`,
  /** Says which entry of the ledger has an id, by the id's SHA-256. */
  erasureId: (source: string, sha256: string): string => `erasure-ids/${assertSource(source)}/${sha256}.json`,
  /** A segment of its own keeps leases apart from read marks, however a source is called. */
  lease: (source: string, stream: LeaseStream): string => `leases/writing/${assertSource(source)}/${stream}.json`,
  readMark: (source: string, id: string, until: Date, token: string): string =>
    `${keyOf.readMarkPrefix(source, id)}${formatStamp(until, true)}-${token}.json`,
  /** Of one backup's read marks, or, without `id`, of all of a source's. */
  readMarkPrefix: (source: string, id?: string): string =>
    `leases/reading/${assertSource(source)}/${id === undefined ? "" : `${assertId(id)}/`}`,
  /** An object that `holdfast check` writes and deletes to see what the store can do. */
  probe: (token: string): string => `probes/${token}`,
} as const;

export interface ParsedBackupId {
  /** To the second. */
  readonly startedAt: Date;
  readonly kind: BackupKind;
  /** Whether it is a log that builds on a backup of another kind. */
  readonly isFirstLog: boolean;
  readonly suffix: string;
}

/**
 * A new id of what builds on `baseId`: sorts by time, names its kind, and differs from others of
 * the same second by 30 random bits.
 */
export function newBackupId(
  now: Date,
  kind: BackupKind,
  randomBytes: (count: number) => Uint8Array,
  baseId?: string | undefined,
): string {
  const suffix = Array.from(randomBytes(suffixLength), (byte) => suffixAlphabet[byte % suffixAlphabet.length]).join("");
  const first = kind === "log" && baseId !== undefined && parseBackupId(baseId)?.kind !== "log" ? "-first" : "";
  return `${formatStamp(now, false)}-${kind}${first}-${suffix}`;
}

/** What an id says, or undefined when it is none (an impossible date included). */
export function parseBackupId(id: string): ParsedBackupId | undefined {
  const [, stamp = "", named = "", suffix = ""] = idPattern.exec(id) ?? [];
  const startedAt = parseStamp(stamp);
  if (startedAt === undefined) return undefined;
  const isFirstLog = named === "log-first";
  return { startedAt, kind: isFirstLog ? "log" : (named as BackupKind), isFirstLog, suffix };
}

/** Whether an id is that of a log that builds on a backup of another kind. */
export function isFirstLog(id: string): boolean {
  return parseBackupId(id)?.isFirstLog === true;
}

export function isBackupId(id: string): boolean {
  return parseBackupId(id) !== undefined;
}

export function isSourceName(name: string): boolean {
  return sourcePattern.test(name);
}

/**
 * Whether an artifact may be called so: the manifest's seal and the digest key lie beside the
 * artifacts, under names that none has.
 */
export function isArtifactName(name: string): boolean {
  return artifactPattern.test(name) && name !== manifestSealName && name !== digestKeyName;
}

/** A backup's place in a listing, as the key says it. */
export interface BackupPlace {
  readonly source: string;
  readonly id: string;
}

/** Source and id of a manifest's key, or undefined when it is none. */
export function parseDocumentKey(key: string): BackupPlace | undefined {
  const [, source = "", file = "", ...rest] = key.split("/");
  const id = file.endsWith(".json") ? file.slice(0, -5) : "";
  return rest.length === 0 && isSourceName(source) && isBackupId(id) ? { source, id } : undefined;
}

/** Source, id and name of an artifact's key, or undefined when it is none. */
export function parseArtifactKey(key: string): (BackupPlace & { readonly name: string }) | undefined {
  const [room, source = "", id = "", name = "", ...rest] = key.split("/");
  if (room !== "artifacts" || rest.length > 0 || !isSourceName(source) || !isBackupId(id) || name === "") return undefined;
  return { source, id, name };
}

/** What the end of a signed document's name says: both in base64url. */
export interface SignedName {
  /** Of the document's bytes. */
  readonly sha256: string;
  readonly signature: string;
}

/** A document that counts by its name, as the name alone tells it: nobody has judged it yet. */
export interface SignedKey extends BackupPlace {
  readonly key: string;
  readonly kind: Statement["kind"];
  /** ISO 8601 with milliseconds, UTC. */
  readonly at: string;
  /** Absent where the name has no signature, or none that could be one. */
  readonly signed?: SignedName;
}

/** Evidence as its key alone tells it. */
export interface EvidenceKey {
  readonly key: string;
  /** ISO 8601 with milliseconds, UTC; ascending within a backup. */
  readonly at: string;
  readonly check: CheckName;
  /** When the store got it, by the store's own time; known where it was listed with others. */
  readonly storedAt?: Date | undefined;
}

/** What an evidence key says, signed or not, or undefined when it is none. */
export function parseEvidenceKey(key: string): (EvidenceKey & SignedKey) | undefined {
  const [room, source = "", id = "", file = "", ...rest] = key.split("/");
  const [, stamp = "", check, end] = evidenceNamePattern.exec(file) ?? [];
  const at = parseStamp(stamp);
  if (room !== "evidence" || rest.length > 0 || at === undefined || !isSourceName(source) || !isBackupId(id)) return undefined;
  return { source, id, key, kind: "evidence", at: at.toISOString(), check: check as CheckName, ...parseEnd(end) };
}

/** What a hold's key says, signed or not, or undefined when it is none. */
export function parseHoldKey(key: string): SignedKey | undefined {
  return parseRecordKey(key, "holds", "hold");
}

/** What a tombstone's key says, signed or not, or undefined when it is none. */
export function parseTombstoneKey(key: string): SignedKey | undefined {
  return parseRecordKey(key, "tombstones", "tombstone");
}

function parseRecordKey(key: string, within: string, kind: "hold" | "tombstone"): SignedKey | undefined {
  const [room, source = "", file = "", ...rest] = key.split("/");
  const [, id = "", stamp = "", end] = recordNamePattern.exec(file) ?? [];
  if (room !== within || rest.length > 0 || !isSourceName(source) || !isBackupId(id)) return undefined;
  const at = parseStamp(stamp);
  return { source, id, key, kind, ...(at === undefined ? { at: "" } : { at: at.toISOString(), ...parseEnd(end) }) };
}

/** One text for the same bytes: a second name for a document would be a second document. */
function parseEnd(end: string | undefined): { readonly signed?: SignedName } {
  const [, sha256 = "", signature = ""] = signedPattern.exec(end ?? "") ?? [];
  const isExact =
    sha256 !== "" && [sha256, signature].every((text) => Buffer.from(text, "base64url").toString("base64url") === text);
  return isExact ? { signed: { sha256, signature } } : {};
}

function endOf({ sha256, signature }: SignedName): string {
  return `${sha256}-${signature}.json`;
}

/** The number of an audit entry's key, or undefined when it is none. */
export function parseAuditKey(key: string): number | undefined {
  const [, digits = ""] = /^audit\/(\d{10})\.json$/.exec(key) ?? [];
  return Number(digits) > 0 ? Number(digits) : undefined;
}

/** Source and number of an erasure's key, or undefined when it is none. */
export function parseErasureKey(key: string): { readonly source: string; readonly number: number } | undefined {
  const [room, source = "", file = "", ...rest] = key.split("/");
  const [, digits = ""] = /^(\d{10})\.json$/.exec(file) ?? [];
  if (room !== "erasures" || rest.length > 0 || !isSourceName(source) || Number(digits) < 1) return undefined;
  return { source, number: Number(digits) };
}

export interface ReadMarkKey extends BackupPlace {
  readonly key: string;
  readonly until: Date;
}

/** What a read mark's key says, or undefined for any other key. */
export function parseReadMarkKey(key: string): ReadMarkKey | undefined {
  const [room, reading, source = "", id = "", file = "", ...rest] = key.split("/");
  const [, stamp = ""] = /^(\d{8}T\d{9}Z)-[0-9a-f]+\.json$/.exec(file) ?? [];
  const until = parseStamp(stamp);
  if (room !== "leases" || reading !== "reading" || rest.length > 0 || until === undefined) return undefined;
  return isSourceName(source) && isBackupId(id) ? { source, id, key, until } : undefined;
}

function assertSource(source: string): string {
  if (isSourceName(source)) return source;
  throw new HoldfastError("VaultInvalid", `${JSON.stringify(source)} cannot be the name of a source in a vault`, {
    hint: "Name sources with letters, digits, `.`, `_` and `-`, beginning with a letter or digit.",
  });
}

function assertId(id: string): string {
  if (isBackupId(id)) return id;
  throw new HoldfastError("VaultInvalid", `${JSON.stringify(id)} is not a backup's id`);
}

/**
 * `20261120T020000Z`, or with milliseconds `20261120T020000123Z`: sorts by time for the years 0 to
 * 9999.
 */
export function formatStamp(time: Date, milliseconds: boolean): string {
  const compact = time.toISOString().replaceAll(/[-:.]/g, "");
  if (compact.length !== 19)
    throw new HoldfastError("VaultInvalid", `${time.toISOString()} is outside the years that names can hold`);
  return milliseconds ? compact : `${compact.slice(0, 15)}Z`;
}

function parseStamp(stamp: string): Date | undefined {
  const [, year, month, day, hour, minute, second, milliseconds = "000"] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})?Z$/.exec(stamp) ?? [];
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}Z`;
  const time = new Date(text);
  // Some impossible dates roll over to the next month instead of failing.
  return Number.isNaN(time.getTime()) || time.toISOString() !== text ? undefined : time;
}
