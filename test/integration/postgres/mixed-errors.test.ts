/**
 * pg_restore's sessions share one standard error: what two of them write at once runs together.
 * Each entry that failed is named all the same, with its own message.
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readOutline } from "../../../src/engines/postgres/archive/archive-outline.ts";
import { loadArchive } from "../../../src/engines/postgres/load/load-archive.ts";
import { Secret } from "../../../src/runtime/secret.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-mixed-"));
  await chmod(directory, 0o755);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/**
 * Indexes, keys, triggers, rules, policies and statistics that need the table, and rows of both
 * kinds.
 */
const definitions = `
  create table gone (id int primary key, v text);
  create table refs (id int primary key, a int references gone, b int references gone, c int references gone); insert into refs values (1);
  create view direct as select * from gone;
  create materialized view summary as select id from gone; create index on summary (id); create unique index on summary (id) where id > 0;
  create policy seen on refs using (exists (select from gone where gone.id = refs.id));
  create rule also as on insert to refs do also select * from gone;
  create trigger on_view instead of insert on direct for each row execute function suppress_redundant_updates_trigger();
  create table kept (id int primary key, note text); insert into kept select n, 'x' from generate_series(1, 50) n; create index on kept (note);`;

/**
 * Runs the real program; of parallel sessions it then mixes the errors two by two, as sessions do
 * that write their pieces (\`pg_restore:\`, a space, \`error: \`, the message) at the same instant.
 */
const mixing = (program: string): string => `#!${process.execPath}
const { spawnSync } = require("node:child_process");
const args = process.argv.slice(2);
const { status, stdout, stderr } = spawnSync(${JSON.stringify(program)}, args, { stdio: ["inherit", "pipe", "pipe"], encoding: "latin1" });
process.stdout.write(stdout, "latin1");
const parts = stderr.split(/^(?=pg_restore: )/m);
const prefix = "pg_restore: error: ";
const isError = (part) => part.startsWith(prefix + "could not execute query");
const errors = parts.filter(isError).map((part) => part.slice("pg_restore:".length));
const mixed = errors.flatMap((error, n) => (n % 2 === 1 ? [] : n + 1 === errors.length ? ["pg_restore:" + error] : ["pg_restore:pg_restore:" + error + errors[n + 1]]));
const parallel = args.some((arg) => /^--jobs=([2-9]|\\d\\d)/.test(arg));
const ending = parts.filter((part) => part.startsWith("pg_restore: warning: errors ignored"));
const others = parts.filter((part) => !isError(part) && !ending.includes(part));
process.stderr.write(parallel ? [...others, ...mixed, ...ending].join("") : stderr, "latin1");
process.exitCode = status;
`;

describe.each([14, 18])("the errors of PostgreSQL %i's pg_restore", (major) => {
  let server: PostgresServer;
  let taken: TakenBackup;
  let mixer: string;
  beforeAll(async () => {
    server = await startPostgres({ major });
    await server.sql("create database shop");
    await server.sql(definitions, "shop");
    taken = await takeBackup(server, "shop", directory, { exclude: { tables: ["public.gone"], data: [] } });
    mixer = join(directory, `pg_restore-${major}.cjs`);
    await writeFile(mixer, mixing(join(server.binDir, "pg_restore")), { mode: 0o755 });
  });
  afterAll(() => server?.remove());

  async function load(database: string, pgRestore: string, jobs: number, keysBesideRows: boolean): Promise<string[]> {
    await server.sql(`create database ${database}`);
    const source = { kind: "file", path: taken.archive } as const;
    const settings = {
      host: server.socketDir,
      port: server.port,
      user: server.user,
      database,
      password: new Secret(server.password),
      sslmode: "disable",
      connectTimeoutSeconds: 30,
      variables: {},
    } as const;
    const context = { ...taken.context, sandbox: "none" } as const;
    const outline = await readOutline(join(server.binDir, "pg_restore"), source, context);
    const request = { pgRestore, source, outline, settings, directory, options: [], jobs, keysBesideRows };
    const errors = await loadArchive(request, context);
    return errors.map(({ entry, message }) => `${entry?.type} ${entry?.schema} ${entry?.name}: ${message}`).sort();
  }

  test.each([true, false])("are those of one session, though two mix theirs (keys beside rows: %s)", async (keysBesideRows) => {
    const alone = await load(`alone_${keysBesideRows}`, join(server.binDir, "pg_restore"), 1, keysBesideRows);
    expect(alone).toContain('TRIGGER public direct on_view: relation "public.direct" does not exist');
    expect(alone.filter((error) => error.startsWith("FK CONSTRAINT"))).toHaveLength(3);
    expect(alone.filter((error) => error.startsWith("undefined"))).toEqual([]);
    expect(await load(`mixed_${keysBesideRows}`, mixer, 2, keysBesideRows)).toEqual(alone);
    expect(await server.sql("select count(*) from kept", `mixed_${keysBesideRows}`)).toBe("50");
  });
});
