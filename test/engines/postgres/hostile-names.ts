/**
 * Names and texts that try to be more than a name or a text, for the tests of what may be run from
 * a backup.
 */
import fc from "fast-check";

const fragments = [
  "DATABASE ",
  " DATABASE s; Type: ACL; Schema: -",
  "; Type: DATABASE PROPERTIES; Schema: -; Owner: x",
  '"',
  '""',
  "'",
  "''",
  "\\",
  "\\'",
  "E'",
  "$$",
  "$a$",
  "--",
  "/*",
  "*/",
  ";",
  "\n",
  "\r\n",
  "\t",
  " ",
  "(",
  ")",
  ",",
  ".",
  "ALTER ROLE attacker SUPERUSER",
  "ALTER DATABASE shop SET work_mem TO ",
  "COMMENT ON DATABASE shop IS ",
  "GRANT ALL ON DATABASE shop TO ",
  " LOCATION '/etc'",
  " GRANTED BY ",
  " TABLESPACE = x",
  " ENCODING = 'LATIN1'",
  "\\connect x",
  "SET standard_conforming_strings = off",
  "ü",
  "\u2028",
  "𝔘",
  "x",
  "Shop",
];

/** At most 63 bytes or so does not matter here: nothing in the code depends on the length. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: "binary-ascii", maxLength: 3 })), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join("").replaceAll("\0", ""))
  .filter((text) => text !== "");

/** As pg_dump quotes a name: only where it must. */
export function quoteAsPgDump(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** As pg_dump writes a text, by the source's standard_conforming_strings. */
export function literalAsPgDump(text: string, standard: boolean): string {
  const doubled = text.replaceAll("'", "''");
  return `'${standard ? doubled : doubled.replaceAll("\\", "\\\\")}'`;
}
