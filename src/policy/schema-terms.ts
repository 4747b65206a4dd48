/**
 * The vocabulary that the policy's schema is written in: zod schemas whose errors are whole
 * sentences for the user and whose metadata makes the JSON Schema and the reference page.
 */
import * as z from "zod";
import { didYouMean } from "./nearest-name.ts";
import type { Parsed } from "./parsed.ts";
import { mayHoldSecret, showValue } from "./secret-text.ts";

// One policy is parsed per process: compiling a validator for it costs more than it saves, and some
// runtimes forbid it.
z.config({ jitless: true });

/** What editors and the reference page say of a key. */
export interface Words {
  /** One or two sentences. */
  readonly description: string;
  /**
   * Values as they are written; the first stands in the reference. zod takes `examples` for values
   * of the output and drops them from the schema of the input, hence the name.
   */
  readonly samples?: readonly unknown[];
  /** The default in words, where it is no constant (`by tier`). */
  readonly defaultNote?: string;
}

/**
 * The problem of a value that is missing, empty or of a wrong type; `expects` completes "write …"
 * and "must be …".
 */
export function wrongType(input: unknown, expects: string): string {
  if (input === undefined) return `is required: write ${expects}`;
  if (input === null) return `has no value: write ${expects}`;
  return `must be ${expects}, not ${nameInput(input)}`;
}

/** A short text with its own parser; the parser's problem is the error. */
export function term<T>(
  parse: (text: string) => Parsed<T>,
  words: Words & { readonly expects: string; readonly type?: string; readonly pattern?: string },
) {
  const { expects, type: form = "text", pattern, ...meta } = words;
  return z
    .string({ error: (issue) => wrongType(issue.input, expects) })
    .transform((text, context): T => {
      const parsed = parse(text);
      if ("value" in parsed) return parsed.value;
      context.addIssue({ code: "custom", message: parsed.problem });
      return z.NEVER;
    })
    .meta({ ...meta, form, pattern });
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(allowed: T, words: Words) {
  return z.enum(allowed, { error: (issue) => notAllowed(issue.input, allowed) }).meta({ ...words });
}

/** The problem of a value that is none of `allowed`. */
export function notAllowed(input: unknown, allowed: readonly string[]): string {
  const list = allowed.join(", ");
  if (input === undefined || input === null) return wrongType(input, allowed.length === 1 ? list : `one of ${list}`);
  const guess = typeof input === "string" ? didYouMean(input, allowed) : "";
  return `${showValue(input)} is not allowed; ${allowed.length === 1 ? "write" : "one of"} ${list}${guess}`;
}

export function flag(words: Words) {
  return z.boolean({ error: (issue) => wrongType(issue.input, "true or false") }).meta({ ...words });
}

/** A whole number from 1 to `most`. */
export function count(most: number, words: Words) {
  const expects = `a whole number from 1 to ${most}`;
  const error = (issue: { readonly input?: unknown }) => wrongType(issue.input, expects);
  return z
    .int({ error })
    .min(1, { error })
    .max(most, { error })
    .meta({ ...words });
}

/** A list with at least one item. */
export function list<T extends z.ZodType>(item: T, words: Words & { readonly expects: string }) {
  const { expects, ...meta } = words;
  return z
    .array(item, { error: (issue) => wrongType(issue.input, expects) })
    .min(1, { error: () => `is an empty list: write ${expects}, or leave the key out` })
    .meta({ ...meta });
}

/**
 * A mapping with known keys. Unknown ones are one issue whose message has a line for each of its
 * keys, in order (explain-issues.ts takes them apart); `unknown` may explain a key better than the
 * nearest name does.
 */
export function section<S extends z.core.$ZodShape>(
  shape: S,
  words: Words & {
    readonly expects?: string;
    readonly unknown?: (key: string) => string | undefined;
    readonly [keyword: string]: unknown;
  },
) {
  const { expects = `a mapping with ${Object.keys(shape).join(", ")}`, unknown, ...meta } = words;
  const allowed = Object.keys(shape);
  return z
    .strictObject(shape, {
      error: (issue) => {
        if (issue.code !== "unrecognized_keys") return wrongType(issue.input, expects);
        return issue.keys.map((key, index) => explainKey(key, index, allowed, unknown)).join("\n");
      },
    })
    .meta({ ...meta });
}

/** Unknown keys of one mapping that are explained; more are only named. */
const maxExplained = 100;

function explainKey(key: string, index: number, allowed: readonly string[], unknown?: (key: string) => string | undefined): string {
  return index < maxExplained ? (unknown?.(key) ?? unknownKey(key, allowed)) : "unknown key";
}

/**
 * The rule for the names of vaults, keys and sources: they become parts of paths and object keys.
 */
const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A mapping from names that the user chooses. */
export function named<T extends z.core.$ZodType>(value: T, words: Words & { readonly expects: string }) {
  const { expects, ...meta } = words;
  return z
    .record(z.string().regex(namePattern), value, {
      error: (issue) => (issue.code === "invalid_key" ? nameProblem : wrongType(issue.input, expects)),
    })
    .refine((mapping) => Object.keys(mapping).length > 0, { error: () => `is empty: write ${expects}` })
    .meta({ ...meta, minProperties: 1 });
}

const nameProblem = "is not allowed as a name; 1 to 63 lower-case letters, digits and hyphens, a letter or digit first";

/**
 * A short text or a mapping for its rarer options; explain-issues.ts reports the form that the user
 * chose.
 */
export function forms<T extends readonly [z.ZodType, z.ZodType, ...z.ZodType[]]>(
  options: T,
  words: Words & { readonly expects: string },
) {
  const { expects, ...meta } = words;
  return z.union(options, { error: (issue) => wrongType(issue.input, expects) }).meta({ ...meta });
}

function unknownKey(key: string, allowed: readonly string[]): string {
  const guess = didYouMean(key, allowed);
  if (guess === "" && /passw|passphrase|secret|token|credential|access.?key|api.?key/i.test(key)) {
    return `unknown key; a secret does not stand in the policy, only where it is found does; allowed: ${allowed.join(", ")}`;
  }
  return `unknown key; allowed: ${allowed.join(", ")}${guess}`;
}

function nameInput(input: unknown): string {
  if (typeof input === "string") return mayHoldSecret(input) ? "a text" : `the text ${showValue(input)}`;
  if (typeof input === "number") return `the number ${input}`;
  return showValue(input);
}
