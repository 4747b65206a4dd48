/** Databases that hold what backups trip over: every kind of object, and collations. */
import { chown, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findUnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import type { PostgresServer } from "./postgres-server.ts";

const load = (name: string): Promise<string> => readFile(join(import.meta.dirname, name), "utf8");

/**
 * Creates `database` with one of every kind of object that this server's version knows
 * (object-zoo*.sql), a tablespace, and settings and a comment of the database itself. Roles zoo_*
 * and the tablespace belong to the server: a second call shares them.
 */
export async function createObjectZoo(server: PostgresServer, database = "zoo"): Promise<void> {
  await server.sql(await load("object-zoo-roles.sql"));
  const space = await createTablespaceDirectory(server);
  if ((await server.sql("select 1 from pg_tablespace where spcname = 'zoo_space'")) === "") {
    await server.sql(
      `create tablespace zoo_space owner zoo_owner location '${space}'; comment on tablespace zoo_space is 'a place of its own'`,
    );
  }
  await server.sql(`create database "${database}" template template0 owner zoo_owner connection limit 50`);
  await server.sql(await load("object-zoo.sql"), database);
  for (const major of [15, 16, 17, 18]) {
    if (server.major >= major) await server.sql(await load(`object-zoo-since-${major}.sql`), database);
  }
  await server.sql(
    `create table zoo.elsewhere (id integer primary key using index tablespace zoo_space, what text) tablespace zoo_space;
     insert into zoo.elsewhere select n, 'thing ' || n from generate_series(1, 100) n;
     alter database "${database}" set default_statistics_target = 250;
     alter database "${database}" set timezone = 'Europe/Berlin';
     alter role zoo_reader in database "${database}" set work_mem = '16MB';
     comment on database "${database}" is 'a zoo; it''s "open"';
     grant connect on database "${database}" to zoo_reader;
     revoke temporary on database "${database}" from public`,
    database,
  );
}

/**
 * Creates `database` with ICU collations in use, and as of PostgreSQL 17 the builtin provider as
 * the database's own.
 */
export async function createCollationDatabase(server: PostgresServer, database = "collated"): Promise<void> {
  const provider = server.major >= 17 ? "locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'" : "";
  await server.sql(`create database "${database}" template template0 encoding 'UTF8' ${provider}`);
  await server.sql(await load("collations.sql"), database);
}

async function createTablespaceDirectory(server: PostgresServer): Promise<string> {
  const directory = join(server.socketDir, "zoo-space");
  await mkdir(directory, { recursive: true });
  const owner = findUnprivilegedUser();
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}
