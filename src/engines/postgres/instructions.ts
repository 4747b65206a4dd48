/**
 * How a backup of this engine is loaded without Holdfast. A test runs these commands as they stand.
 */
import type { RestoreChapter } from "../../proof/restore-chapter.ts";

const loadCommands = `psql --no-psqlrc --dbname="$DATABASE_URL" --file=globals.sql
pg_restore --exit-on-error --dbname="$DATABASE_URL" archive.dump`;

/**
 * What the archive has of the database itself, which is there already; `\connect` would lead to a
 * database of the old name.
 */
const databaseSettingsCommands = String.raw`pg_restore --create --list archive.dump |
  grep -E ' (DATABASE PROPERTIES - |(ACL|COMMENT|SECURITY LABEL) - DATABASE )' > database.list || true
pg_restore --create --use-list=database.list --file=- archive.dump |
  sed -E '/^(\\connect|CREATE DATABASE) /d' > database.sql
psql --no-psqlrc --dbname="$DATABASE_URL" --file=database.sql`;

export const instructions: RestoreChapter = {
  title: "Load it: PostgreSQL",
  tools: "PostgreSQL's own `psql` and `pg_restore`, of the backed up server's major version or later",
  writes: ["database.list", "database.sql"],
  text: `\`archive.dump\` is a custom-format archive of \`pg_dump\`; \`globals.sql\` has the roles and what else belongs to the whole server. Create an empty
database (\`createdb --template=template0\`, with the encoding and locale that the manifest's \`facts\` name), and set \`DATABASE_URL\` to it, without a
password (that belongs in \`~/.pgpass\` or \`PGPASSWORD\`). Of the first command, "already exists" may be ignored; the second stops at its
first error.

\`\`\`sh
${loadCommands}
\`\`\`

What belongs to the database itself (\`ALTER DATABASE … SET\`, its comment, who may connect) comes last. \`database.sql\` calls the database
by the name that it had: where yours has another, edit the file before the last command.

\`\`\`sh
${databaseSettingsCommands}
\`\`\``,
};
