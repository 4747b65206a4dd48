/**
 * A table was emptied at some backup: `find` says which was the last with its rows, `diff` what
 * changed, and the backup that it names has them.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";

let server: PostgresServer;
let project: Project;
const ids: string[] = [];

async function backUp(): Promise<void> {
  const { code, stdout, stderr } = await project.holdfast(["backup", "shop", "--no-prune"]);
  expect([0, 1], stderr).toContain(code);
  const document = JSON.parse(stdout) as { backupId?: string; dump?: { backupId: string } };
  ids.push((document.backupId ?? document.dump?.backupId) as string);
}

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  await server.sql("create database shop");
  await server.sql(
    `create table orders (id int primary key, total int); insert into orders select n, n from generate_series(1, 1000) n;
     create table "Order Items" (id int); insert into "Order Items" values (1); create view totals as select sum(total) from orders`,
    "shop",
  );
  project = await createProject({
    sources: postgresSource("shop", "SHOP_URL"),
    env: { SHOP_URL: server.urlOf("shop") },
    majors: [17],
  });
  await backUp();
  await server.sql("insert into orders values (1001, 7)", "shop");
  await backUp();
  await server.sql("delete from orders; create or replace view totals as select sum(total) + 1 as sum from orders", "shop");
  await backUp();
});
afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await server?.remove();
});

test("find tells the rows of each backup, and which was the last that had any", async () => {
  const found = await project.say(["find", "shop", "--table", "orders"]);
  expect(found.code).toBe(0);
  expect(found.stdout).toMatch(/1,000 .*\n.*1,001 .*1 row more\n.*\b0 .*emptied/);
  expect(found.stdout).toContain(`last there with content in ${ids[1]}`);
  const quoted = await project.holdfast(["find", "shop", "--table", '"Order Items"']);
  const { backups } = JSON.parse(quoted.stdout) as { backups: { held: { rows: number; sha256: string }; change?: string }[] };
  expect(backups.map(({ held, change }) => [held.rows, change])).toEqual([
    [1, undefined],
    [1, "same"],
    [1, "same"],
  ]);
});

test("find of what no backup holds ends with 3, and of another kind of thing with 2", async () => {
  expect((await project.holdfast(["find", "shop", "--table", "nothing"])).code).toBe(3);
  expect((await project.holdfast(["find", "shop", "--path", "orders"])).code).toBe(2);
  expect((await project.holdfast(["find", "nobody", "--table", "orders"])).code).toBe(3);
});

test("diff names the table that lost its rows, the view that changed, and nothing else", async () => {
  const told = await project.holdfast(["diff", ids[1] as string, ids[2] as string]);
  expect(told.code).toBe(0);
  const { changes, counts } = JSON.parse(told.stdout) as {
    changes: { object: string; problem: string }[];
    counts: { changed: number; added: number; gone: number };
  };
  expect(changes).toContainEqual(
    expect.objectContaining({ object: "table public.orders", problem: "1,001 rows fewer (0 instead of 1,001)" }),
  );
  expect(changes.map(({ object }) => object)).toEqual(expect.arrayContaining(["schema VIEW public.totals", "table public.orders"]));
  expect(counts).toEqual({ changed: 2, added: 0, gone: 0, same: expect.any(Number) });
});

test("the backup that find names brings the rows back", async () => {
  const restored = await project.holdfast(["restore", ids[1] as string, "--to", "shop_restored"]);
  expect(restored.code).toBe(0);
  expect(await server.sql("select count(*) from orders", "shop_restored")).toBe("1001");
});
