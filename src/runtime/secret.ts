/** A value that must not be printed. */
import { inspect } from "node:util";

/** Holds a secret; every way of turning it into text gives `[redacted]`, only `reveal()` gives the value. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: for the environment of a child process or a driver's options, never for a message. */
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

/** `text` with every occurrence of the secrets (and of their percent-encoded forms) replaced by `[redacted]`. */
export function redact(text: string, secrets: readonly Secret[]): string {
  let result = text;
  for (const secret of secrets) {
    const value = secret.reveal();
    if (value === "") continue;
    for (const form of new Set([value, encodeURIComponent(value)])) {
      result = result.replaceAll(form, "[redacted]");
    }
  }
  return result;
}
