/** Texts of policies for the tests, and the problems that a text has. */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { FilesSource } from "../../src/policy/engines/files/source.ts";
import type { PostgresSource } from "../../src/policy/engines/postgres/source.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";

export const places = { directory: "/srv/app", home: "/home/ops" };

/** The smallest policy. */
export const smallest = `version: 1
vaults:
  main: folder:/srv/vault
keys:
  main: file:/srv/main.key
sources:
  shop:
    engine: postgres
    connection: env:SHOP_URL
    retention: { daily: 7 }
`;

/**
 * A policy whose one source is PostgreSQL with these lines (indented by the caller's own nesting
 * from 0).
 */
export function withPostgres(lines: string, retention = "retention: { daily: 7 }"): string {
  return withSource(`engine: postgres\nconnection: env:SHOP_URL\n${retention}\n${lines}`);
}

export function withFiles(lines: string): string {
  return withSource(`engine: files\npath: /etc/shop\nretention: { daily: 7 }\n${lines}`);
}

export function withSource(lines: string): string {
  const indented = lines.split("\n").map((line) => (line === "" ? "" : `    ${line}`));
  return `version: 1\nvaults:\n  main: folder:/srv/vault\nkeys:\n  main: file:/srv/main.key\nsources:\n  shop:\n${indented.join("\n")}\n`;
}

/** The smallest policy with `line` in place of what begins with the same key. */
export function withTop(line: string): string {
  const key = line.slice(0, line.indexOf(":"));
  const sections = smallest.split(/^(?=\w)/m).filter((section) => !section.startsWith(`${key}:`));
  return `${sections.join("")}${line}\n`;
}

export function parse(text: string) {
  return parsePolicy(text, "holdfast.yml", places);
}

export function postgres(text: string): PostgresSource {
  const source = parse(text).sources["shop"];
  if (source?.engine !== "postgres") throw new Error("the policy has no PostgreSQL source called shop");
  return source as PostgresSource;
}

export function files(text: string): FilesSource {
  const source = parse(text).sources["shop"];
  if (source?.engine !== "files") throw new Error("the policy has no files source called shop");
  return source as FilesSource;
}

/**
 * The lines of problems; empty when the policy is valid. Any error but PolicyInvalid is thrown on.
 */
export function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (error instanceof HoldfastError && error.name === "PolicyInvalid") return error.details;
    throw error;
  }
}

/** The problems without file, line and column. */
export function messagesOf(text: string): string[] {
  return problemsOf(text).map((line) => line.replace(/^holdfast\.yml:\d+:\d+: /, ""));
}
