/** A value that must not be printed. */
import { inspect } from "node:util";

/**
 * Holds a secret; every way of turning it into text gives `[redacted]`, only `reveal()` gives the
 * value.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /**
   * The value itself: for the environment of a child process or a driver's options, never for a
   * message.
   */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [inspect.custom](): string {
    return "[redacted]";
  }
}

/**
 * Shorter than this, a value is no secret that hiding it could keep, and hiding it would spoil
 * every sentence: `a`.
 */
const minCharacters = 3;
/**
 * Shorter than this, a value is hidden where it stands as a word, not within others: `shop` in
 * `workshop` says nothing.
 */
const minCharactersAnywhere = 8;

/**
 * `text` with every occurrence of the secrets (and of their percent-encoded forms) replaced by
 * `[redacted]`. `publicNames`, those of the policy, stay where they stand as words: a source may be
 * called what a password is, and an alert must say which source it is about.
 */
export function redact(text: string, secrets: readonly Secret[], publicNames: readonly string[] = []): string {
  const values = secrets
    .map((secret) => secret.reveal())
    .filter(({ length }) => length >= minCharacters)
    .flatMap((value) => [value, encodeURIComponent(value.toWellFormed())]);
  if (values.length === 0) return text;
  const names = [...new Set(publicNames)].filter((name) => name !== "");
  // At one place the longest wins: a secret that begins with a name is a secret.
  const parts = [
    ...names.map((name) => ({ length: name.length, pattern: `(${asWord(name)})` })),
    ...[...new Set(values)].map((value) => ({
      length: value.length,
      pattern: value.length < minCharactersAnywhere ? asWord(value) : escapePattern(value),
    })),
  ].toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(parts.map((part) => part.pattern).join("|"), "gu");
  return text.replace(pattern, (found: string, ...groups: readonly unknown[]) =>
    groups.some((group, index) => typeof group === "string" && index < names.length) ? found : "[redacted]",
  );
}

function escapePattern(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}/-]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}

/** Matches the text where no letter, digit or underscore goes on before or after it. */
function asWord(text: string): string {
  const before = /^[\p{L}\p{N}_]/u.test(text) ? "(?<![\\p{L}\\p{N}_])" : "";
  const after = /[\p{L}\p{N}_]$/u.test(text) ? "(?![\\p{L}\\p{N}_])" : "";
  return before + escapePattern(text) + after;
}
