/**
 * One entry of a source's erasure ledger: that something was erased, sealed; signed, and chained to
 * the entry before it. Format: docs/vault-format.md, "Erasures".
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { ErasureTarget } from "../../proof/erasure.ts";
import type { Signer, Verdict, Verifier } from "../../proof/statement.ts";
import { isSourceName } from "../layout.ts";
import { canonicalJson } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { count, instant, isRecord, list, object, oneOf, orNull, type Shape, type ShapeOf, sha256, text } from "./json-shape.ts";
import { judgeSignature, signatureOf, signatureShape } from "./sign-entry.ts";

/** Tables that one person's data can be spread over, in one entry. */
export const maxTargets = 100;
const maxColumns = 20;
/** Characters (UTF-16) of a column's value, a path, a reason. */
export const maxValueLength = 2_000;
/** Bytes of an entry's content: with its seal, in base64, it stays within a small document. */
export const maxContentBytes = 40_000;

const notBlank = text(
  `a text of 1 to ${maxValueLength} characters`,
  (value) => value.trim() !== "" && value.length <= maxValueLength,
);
/** No server takes a text with NUL. */
const value = text(`a text of at most ${maxValueLength} characters without NUL`, isValue);
const identifier = text("a name of 1 to 255 characters", (name) => name !== "" && name.length <= 255 && isValue(name));
const idShape = text("an id of 1 to 100 letters, digits, '.', '_', ':' and '-'", isErasureId);

const rowShape = object({
  required: { schema: identifier, table: identifier, key: columns(value) },
  optional: { set: columns(orNull(value)) },
});
const pathShape = object({ required: { path: notBlank } });

const contentShape = object({
  required: {
    /** When it was erased in production. */
    erasedAt: instant,
    /** The person, function or execution that recorded it. */
    by: notBlank,
    /** The legal reason. */
    reason: notBlank,
    targets: targets(),
  },
  optional: { reference: notBlank },
});

/** What is sealed of an entry. */
export type ErasureContent = ShapeOf<typeof contentShape>;

const entryShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    vaultId: notBlank,
    source: text("a source's name", isSourceName),
    number: count,
    previous: orNull(sha256),
    /** The caller's: a request that is repeated is recorded once. In clear. */
    id: idShape,
    recordedAt: instant,
    holdfastVersion: notBlank,
    /** The content as a sealed message, in base64. */
    sealed: text("base64", (given) => /^[A-Za-z0-9+/]+={0,2}$/.test(given)),
  },
});

export type ErasureEntry = ShapeOf<typeof entryShape>;

/** The document: the entry, and the signature over its canonical form. */
export const signedErasureShape = object({
  required: { formatVersion: oneOf(formatVersion), entry: entryShape, signature: signatureShape },
});

/** The first line of what is signed. */
const title = "holdfast-erasure-1";

export function isErasureId(id: string): boolean {
  return /^[A-Za-z0-9._:-]{1,100}$/.test(id);
}

/** What is wrong with a content, or undefined. */
export function findContentProblem(content: unknown): string | undefined {
  const problem = contentShape(content, "erasure");
  if (problem !== undefined) return problem;
  const bytes = canonicalJson(content as ErasureContent).length;
  return bytes > maxContentBytes ? `erasure has ${bytes} bytes, and an entry holds ${maxContentBytes}` : undefined;
}

/** The document's bytes. Errors: UsageInvalid for what cannot be an entry, those of the signer. */
export async function signErasure(entry: ErasureEntry, signer: Signer): Promise<Uint8Array> {
  const problem = entryShape(entry, "entry");
  if (problem !== undefined) throw new HoldfastError("UsageInvalid", `this cannot go into the erasure ledger: ${problem}`);
  return canonicalJson({ formatVersion, entry, signature: await signatureOf(title, entry, signer) });
}

/** Whether one of the policy's keys signed it. */
export function judgeErasure(
  { entry, signature }: { readonly entry: ErasureEntry; readonly signature: string },
  verifier: Verifier,
): Verdict {
  return judgeSignature(title, entry, signature, verifier);
}

function isValue(given: string): boolean {
  return given.length <= maxValueLength && !given.includes("\0") && given.isWellFormed();
}

/** At least one member, each of `shape`. */
function columns<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (given, path) => {
    if (!isRecord(given)) return `${path} is not an object`;
    const names = Object.keys(given);
    if (names.length === 0 || names.length > maxColumns) return `${path} does not name 1 to ${maxColumns} columns`;
    for (const name of names) {
      // A value never stands in a message: only its column does.
      const problem = identifier(name, `a column of ${path}`) ?? shape(given[name], `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

function targets(): Shape<readonly ErasureTarget[]> {
  const each = list<ErasureTarget>((given, path) => (isRecord(given) && "path" in given ? pathShape : rowShape)(given, path));
  return (given, path) =>
    each(given, path) ??
    ((given as unknown[]).length >= 1 && (given as unknown[]).length <= maxTargets
      ? undefined
      : `${path} does not have 1 to ${maxTargets} members`);
}
