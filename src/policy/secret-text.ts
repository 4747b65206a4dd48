/**
 * Knows what a secret looks like, so that none is accepted in a policy or repeated in a message.
 */

/** Texts that are secrets wherever they stand; each is refused. */
const secretForms: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /:\/\/[^/?#\s@:]*:[^/?#\s@]+@/, what: "an address with a password" },
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, what: "a private key" },
  { pattern: /AGE-SECRET-KEY-1/, what: "a private key" },
  // Access key ids of AWS: permanent (AKIA) and temporary (ASIA), 16 characters of base 32 behind
  // the prefix.
  { pattern: /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/, what: "an AWS access key" },
  { pattern: /hooks\.slack\.com\/services\//, what: "a Slack webhook" },
  { pattern: /\bxox[abeprs]-[A-Za-z0-9-]{8,}/, what: "a Slack token" },
];

/** What kind of secret stands in `text`, or undefined. */
export function findSecret(text: string): string | undefined {
  return secretForms.find((form) => form.pattern.test(text))?.what;
}

/** A text beyond this is not looked at, and not repeated: a name or a path is shorter. */
const maxExaminedCharacters = 4_096;

/**
 * Whether `text` might hold a secret: wider than `findSecret`, because a message that says too
 * little harms nobody.
 */
export function mayHoldSecret(text: string): boolean {
  if (text.length > maxExaminedCharacters || findSecret(text) !== undefined) return true;
  // Repetitions have limits: unlimited ones take time that grows with the square of the text.
  if (/:\/\/[^/\s]*@/.test(text) || /(passw\w{0,16}|secret|token|credentials?|api.?key)\s{0,16}[=:]/i.test(text)) return true;
  // Random text: long, unbroken, with digits and letters of both cases, as keys and tokens are, and
  // names are not.
  return (text.match(/[A-Za-z0-9+/=_-]{20,}/g) ?? []).some((run) => /\d/.test(run) && /[a-z]/.test(run) && /[A-Z]/.test(run));
}

/** Most characters of a user's text that a message repeats. */
const shownCharacters = 60;

/** A user's value as a message repeats it: quoted, shortened, on one line, and never a secret. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  if (mayHoldSecret(value)) return "the text (not repeated here)";
  const shown = value.length > shownCharacters ? `${value.slice(0, shownCharacters)}…` : value;
  return JSON.stringify(shown);
}
