/** The command that a tired person copies out of an alert. */
import type { NextStep } from "./severity.ts";

export interface CommandParts {
  /** How Holdfast is called there; absent: `holdfast`. */
  readonly invocation?: string | undefined;
  /** The operation that failed: `backup`, `verify` … */
  readonly operation?: string | undefined;
  readonly source?: string | undefined;
  readonly backupId?: string | undefined;
}

/**
 * Writes the command out; where a part that it needs is not known, the nearest command that does
 * without.
 */
export function writeNextCommand(step: NextStep, { invocation = "holdfast", ...parts }: CommandParts): string {
  return `${invocation} ${argumentsOf(step, parts)}`;
}

function argumentsOf(step: NextStep, parts: CommandParts): string {
  const { source, backupId } = parts;
  const of = source === undefined ? "" : ` ${source}`;
  switch (step) {
    case "again":
      return repeat(parts);
    case "backup":
      return source === undefined ? "status" : `backup ${source}`;
    case "drill":
      return "alert test";
    case "plan":
      return `prune${of} --dry-run`;
    case "requests":
      return "requests";
    case "reverify":
      return backupId === undefined ? verifyAll(source) : `verify ${backupId}`;
    case "show":
      return backupId === undefined ? `list${of}` : `show ${backupId}`;
    default:
      return `${step}${of}`;
  }
}

function repeat({ operation, source, backupId }: CommandParts): string {
  const of = source === undefined ? "" : ` ${source}`;
  switch (operation) {
    case "backup":
    case "dump":
      return source === undefined ? "status" : `backup ${source}`;
    case "verify":
      return backupId === undefined ? verifyAll(source) : `verify ${backupId}`;
    case "restore-test":
    case "prune":
      return `${operation}${of}`;
    default:
      return `status${of}`;
  }
}

function verifyAll(source: string | undefined): string {
  return source === undefined ? "verify --all" : `verify --source ${source}`;
}
