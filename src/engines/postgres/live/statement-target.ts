/** What a statement of pg_dump makes or changes. Pure. */
import { readIdentifiers } from "../script/script-identifiers.ts";
import type { QualifiedName } from "./object-names.ts";

/** How statements begin, up to the name of what they are about. */
const beginnings: readonly RegExp[] = [
  /^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?/,
  /^ALTER TABLE (?:ONLY )?/,
  /^(?:CREATE|ALTER) SEQUENCE /,
  /^ALTER INDEX /,
  /^(?:CREATE|ALTER) STATISTICS /,
  /^COMMENT ON (?:TABLE|SEQUENCE|INDEX|STATISTICS) /,
  /^COMMENT ON COLUMN /,
  /^(?:GRANT|REVOKE) [A-Z, ]+ ON (?:TABLE|SEQUENCE) /,
];

const name = String.raw`(?:"(?:[^"]|"")+"|[^\s."(]+)`;
/** Statements that name themselves first, and what they are on later. */
const onLater: readonly RegExp[] = [
  new RegExp(`^CREATE (?:UNIQUE )?INDEX ${name} ON (?:ONLY )?`),
  new RegExp(`^CREATE POLICY ${name} ON `),
  new RegExp(`^CREATE (?:CONSTRAINT )?TRIGGER ${name} [A-Z" a-z_,0-9$]*? ON `),
  new RegExp(String.raw`^CREATE RULE ${name} AS\s+ON (?:SELECT|INSERT|UPDATE|DELETE) TO `),
  new RegExp(`^COMMENT ON (?:CONSTRAINT|TRIGGER|POLICY|RULE) ${name} ON `),
  new RegExp(`^SECURITY LABEL FOR ${name} ON (?:TABLE|SEQUENCE|COLUMN) `),
  /^(?:GRANT|REVOKE) [A-Za-z_0-9$(), "]+? ON TABLE /,
];

/**
 * The table, sequence, index or statistics that a statement is about; undefined for any other
 * statement. Names are as the statement has them, without their quotes.
 */
export function readTarget(statement: string): QualifiedName | undefined {
  if (statement.startsWith("SELECT pg_catalog.setval('")) return readSetval(statement);
  for (const pattern of [...beginnings, ...onLater]) {
    const begin = pattern.exec(statement)?.[0];
    if (begin === undefined) continue;
    const [schema, object] = readIdentifiers(statement, ".", begin.length).names;
    if (schema !== undefined && object !== undefined) return { schema, name: object };
  }
  return undefined;
}

/** `SELECT pg_catalog.setval('public.users_id_seq', 3, true)`: the name is within a string. */
function readSetval(statement: string): QualifiedName | undefined {
  const text = /^SELECT pg_catalog\.setval\('((?:[^']|'')+)', -?\d+, (?:true|false)\)$/.exec(statement)?.[1]?.replaceAll("''", "'");
  const [schema, object] = text === undefined ? [] : readIdentifiers(text, ".").names;
  return schema === undefined || object === undefined ? undefined : { schema, name: object };
}
