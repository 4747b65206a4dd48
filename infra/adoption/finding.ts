/** What looking at an account before a deployment says: one line each, and how to fix it. */
import type { StoreFinding } from "../../src/vault/object-store.ts";

export type Level = StoreFinding["level"];

export interface DeploymentFinding extends StoreFinding {
  /** `bucket acme-backups`, `key alias/acme`. */
  readonly about: string;
}

/** The lines of findings that are not `ok`, for a message's details. */
export function linesOf(findings: readonly DeploymentFinding[]): string[] {
  return findings.flatMap(({ about, subject, message, remedy }) => [
    `${about}: ${subject}: ${message}`,
    ...(remedy === undefined ? [] : [`  fix: ${remedy}`]),
  ]);
}
