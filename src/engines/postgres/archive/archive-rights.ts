/**
 * The owners and rights that an archive's definitions set, and which rights somebody else than the
 * owner granted.
 */
import { readOwner } from "../digest/ddl-normalise.ts";
import type { ScriptEntry } from "../script/script-entry.ts";

/**
 * An entry of the archive with rights that others than the owner granted: all its statements, in
 * their order.
 */
export interface DelegatedRights {
  readonly entry: ScriptEntry & { readonly dumpId: number };
  readonly statements: readonly string[];
}

/** Statements between these two are run as their grantor. */
export const frameBegin = "SET SESSION AUTHORIZATION ";
export const frameEnd = "RESET SESSION AUTHORIZATION";

/** Grants or revokes a right on an object, or frames such statements. */
const rightStatement = /^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|SET SESSION AUTHORIZATION) |^RESET SESSION AUTHORIZATION$/;

export interface RightsCollector {
  /** Takes an entry's statements; those that are about the database itself are not among them. */
  add(entry: ScriptEntry, statements: readonly string[]): void;
  /** Owners, then rights, in their order. */
  statements(): readonly string[];
  delegated(): readonly DelegatedRights[];
}

/**
 * `all`: whether owners and rights are kept; else only those that others than the owner granted
 * are.
 */
export function createRightsCollector(all: boolean): RightsCollector {
  const owners: string[] = [];
  const grants: string[] = [];
  const delegated: DelegatedRights[] = [];
  return {
    add(entry, statements) {
      const found = readDelegatedRights(entry, statements);
      if (found !== undefined) delegated.push(found);
      if (!all) return;
      for (const statement of statements) {
        if (readOwner(statement) !== undefined) owners.push(statement);
        else if (isRight(entry, statement)) grants.push(statement);
      }
    },
    statements: () => [...owners, ...grants],
    delegated: () => delegated,
  };
}

/**
 * A right on an object in the database, or what frames it. The comment's type alone would be a
 * claim of the source's.
 */
function isRight(entry: ScriptEntry, statement: string): boolean {
  return (entry.type === "ACL" || entry.type === "DEFAULT ACL") && rightStatement.test(statement);
}

function readDelegatedRights(entry: ScriptEntry, statements: readonly string[]): DelegatedRights | undefined {
  const { dumpId } = entry;
  // The database's own are among its settings, which are applied last.
  if (entry.type !== "ACL" || entry.name.startsWith("DATABASE ") || dumpId === undefined) return undefined;
  const isFramed = statements.some((statement) => statement.startsWith(frameBegin));
  return isFramed && statements.every((statement) => isRight(entry, statement))
    ? { entry: { ...entry, dumpId }, statements }
    : undefined;
}
