/**
 * Takes out of foreign texts whatever looks like a secret: an alert leaves the machine, and is read
 * by more people than a log.
 */

const redacted = "[redacted]";

/**
 * Wider than the policy's own forms: a tool's words may hold a connection string in any of its
 * spellings.
 */
const forms: readonly (readonly [RegExp, string])[] = [
  // Whole addresses of webhooks: the path is the secret.
  [/https?:\/\/hooks\.slack(?:-gov)?\.com\/[^\s"'<>]*/gi, redacted],
  [/https?:\/\/[^\s"'<>]*\/(?:webhooks?|hooks)\/[^\s"'<>]*/gi, redacted],
  [/([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s"'<>]*@/gi, `$1${redacted}@`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  [/AGE-SECRET-KEY-1[A-Z0-9]*/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, redacted],
  [/\bxox[abeprs]-[A-Za-z0-9-]+/g, redacted],
  [/\bBearer\s+[A-Za-z0-9._~+/-]+=*/gi, redacted],
  [
    /((?:pass(?:word|wd|phrase)?|pgpassword|secret|token|credentials?|api.?key|secret.?access.?key|x-amz-(?:signature|credential|security-token))"?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)/gi,
    `$1${redacted}`,
  ],
];

/** Longer than any text that is shown, and short enough for the patterns to take no time. */
const maxCharacters = 10_000;

/**
 * `text` with `[redacted]` in the place of passwords in addresses, keys, tokens, webhooks, and of
 * what follows `password=` and the like. After 10,000 characters it ends.
 */
export function redactSecretForms(text: string): string {
  return forms.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), withoutTail(text));
}

/**
 * A text that is too long ends before the word at the cut: half a secret has no form to know it by.
 */
function withoutTail(text: string): string {
  if (text.length <= maxCharacters) return text;
  const end = Math.max(text.lastIndexOf(" ", maxCharacters), text.lastIndexOf("\n", maxCharacters), 0);
  return `${text.slice(0, end)} …`;
}
