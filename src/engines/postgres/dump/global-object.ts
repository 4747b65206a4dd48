/** The names of globals in digests. */
import { readIdentifiers } from "../script/script-identifiers.ts";

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

/** The digest's object that a statement of globals.sql belongs to: `globals role app`. */
export function globalObject(statement: string): string {
  return `${globalsPrefix}${subjectOf(statement)}`;
}
