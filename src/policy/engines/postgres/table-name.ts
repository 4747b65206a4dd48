/** The name of a table as a person writes it, and the objects of a backup that it means. */

/**
 * `orders` is a table of that name in any schema, `public.orders` that one. As in SQL, letters fold
 * to lower case outside double quotes, where a dot is itself; a name that needs quotes may be
 * written without them as long as it has no dot. Gives the test of a listed object, whose names are
 * quoted where they are not plain lower-case words.
 */
export function compileTableName(given: string): (object: string) => boolean {
  const parts = (given.match(/(?:"(?:[^"]|"")*"|[^."]+)+/g) ?? []).map(spellPart);
  const name = parts.join(".");
  if (parts.length > 1) return (object) => object === `table ${name}`;
  return (object) => object.startsWith("table ") && withoutSchema(object.slice("table ".length)) === name;
}

function spellPart(written: string): string {
  const quoted = /^"((?:[^"]|"")*)"$/.exec(written)?.[1]?.replaceAll('""', '"');
  const name = quoted ?? (/^\w+$/.test(written) ? written.toLowerCase() : written);
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** What follows the first dot outside quotes. */
function withoutSchema(qualified: string): string {
  return qualified.replace(/^(?:"(?:[^"]|"")*"|[^."])*\./, "");
}
