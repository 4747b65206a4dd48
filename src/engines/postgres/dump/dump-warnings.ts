/** pg_dump's warnings as notices: it exits with 0 and says what a restore will stumble over. */
import type { Notice } from "../../../proof/content.ts";

/**
 * A database can have thousands of circular keys or skipped objects; the manifest names the first
 * ones.
 */
const maxWarnings = 50;

/** The warnings in what pg_dump wrote to its standard error, each with its details and hints. */
export function dumpWarnings(stderr: string): Notice[] {
  const messages: string[] = [];
  for (const line of stderr.split("\n")) {
    const text = line.replace(/^pg_dump: (?:warning: |detail: |hint: )?/, "").trim();
    if (text === "") continue;
    if (/^pg_dump: (detail|hint): /.test(line) && messages.length > 0) messages[messages.length - 1] += `; ${text}`;
    else messages.push(text);
  }
  const notices = messages.slice(0, maxWarnings).map((message) => ({ code: "pg-dump-warning", subject: "pg_dump", message }));
  const more = messages.length - notices.length;
  if (more === 0) return notices;
  return [...notices, { code: "pg-dump-warning", subject: "pg_dump", message: `${more} further warnings are not listed` }];
}
