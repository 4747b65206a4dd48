/** Roles, memberships and tablespaces (globals.sql) in a content digest, statement by statement. */
import { createHash } from "node:crypto";
import type { ObjectDigest } from "../../../proof/content.ts";
import { globalObject } from "../dump/global-object.ts";
import { readGlobalStatements } from "../load/load-roles.ts";
import { readFrame } from "../script/database-statements.ts";

/**
 * What differs on another server by nature: where a tablespace lies, and who granted a membership.
 */
function withoutPlace(statement: string): string {
  return statement.replace(/ LOCATION '(?:[^']|'')*'$/, "").replace(/ GRANTED BY (?:"(?:[^"]|"")+"|[^\s"]+)$/, "");
}

/**
 * The objects of globals.sql; statements about one subject are combined whatever their order.
 * Errors: ContentInvalid.
 */
export function digestGlobals(sql: string): ObjectDigest[] {
  const subjects = new Map<string, string[]>();
  let grantor: string | undefined;
  for (const statement of readGlobalStatements(sql)) {
    const frame = readFrame(statement);
    if (frame !== undefined) grantor = frame === "begin" ? statement : undefined;
    if (frame !== undefined || statement.startsWith("SET ")) continue;
    const subject = globalObject(statement);
    const list = subjects.get(subject) ?? [];
    const said = withoutPlace(statement);
    list.push(grantor === undefined ? said : `${grantor};\n${said}`);
    subjects.set(subject, list);
  }
  return [...subjects].map(([subject, statements]) => {
    const text = statements.sort().join(";\n");
    return {
      object: subject,
      bytes: Buffer.byteLength(text),
      sha256: createHash("sha256").update(text).digest("hex"),
    };
  });
}
