/** Roles, memberships and tablespaces (globals.sql) in a content digest, statement by statement. */
import { createHash } from "node:crypto";
import type { ObjectDigest } from "../../proof/content.ts";
import { readGlobalStatements } from "./load-roles.ts";
import { readIdentifiers } from "./script-identifiers.ts";

/** What begins the name of every object from globals.sql. */
export const globalsPrefix = "globals ";

/** What a statement is about: `role app`, `membership of app in staff`, `tablespace fast`. */
function subjectOf(statement: string): string {
  const named = /^(?:CREATE|ALTER|COMMENT ON|SECURITY LABEL .*? ON) (ROLE|TABLESPACE|DATABASE) /s.exec(statement);
  if (named !== null) {
    return `${(named[1] as string).toLowerCase()} ${readIdentifiers(statement, ".", named[0].length).names[0] ?? ""}`;
  }
  const onObject = / ON (TABLESPACE|PARAMETER|DATABASE) /.exec(statement);
  if (onObject !== null) {
    const from = onObject.index + onObject[0].length;
    return `${(onObject[1] as string).toLowerCase()} ${readIdentifiers(statement, ".", from).names.join(".")}`;
  }
  if (!statement.startsWith("GRANT ")) return "settings";
  const group = readIdentifiers(statement, ".", "GRANT ".length);
  const member = readIdentifiers(statement, ".", group.end + " TO ".length);
  return `membership of ${member.names[0] ?? ""} in ${group.names[0] ?? ""}`;
}

/** What differs on another server by nature: where a tablespace lies, and who granted a membership. */
function withoutPlace(statement: string): string {
  return statement.replace(/ LOCATION '(?:[^']|'')*'$/, "").replace(/ GRANTED BY (?:"(?:[^"]|"")+"|[^\s"]+)$/, "");
}

/** The objects of globals.sql; statements about one subject are combined whatever their order. Errors: ContentInvalid. */
export function digestGlobals(sql: string): ObjectDigest[] {
  const subjects = new Map<string, string[]>();
  for (const statement of readGlobalStatements(sql)) {
    if (statement.startsWith("SET ")) continue;
    const subject = subjectOf(statement);
    const list = subjects.get(subject) ?? [];
    list.push(withoutPlace(statement));
    subjects.set(subject, list);
  }
  return [...subjects].map(([subject, statements]) => {
    const text = statements.sort().join(";\n");
    return {
      object: `${globalsPrefix}${subject}`,
      bytes: Buffer.byteLength(text),
      sha256: createHash("sha256").update(text).digest("hex"),
    };
  });
}
