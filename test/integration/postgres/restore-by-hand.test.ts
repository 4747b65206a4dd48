/**
 * A restore by hand over a database that is there, as a person types it: looked at first, backed up
 * first, swapped in one step, taken back; and what a swap leaves when it is cut off.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chown, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { fileSigner, publicKeyOf } from "../../../src/sealing/file-signer.ts";
import { createKeyFile } from "../../../src/sealing/key-file.ts";
import { signDecision } from "../../../src/vault/documents/approval.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { waitFor } from "../../support/processes.ts";
import { mountSmallDisk } from "../../support/tmpfs.ts";

// Each test is several commands.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

let server: PostgresServer;
let project: Project;
const assertion =
  "    restoreTest: { assert: [{ name: rows, sql: select count(*) from orders, atLeast: 3 }] }\n    sourceCheck: content\n";

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  await server.sql("create role owner; create role seller; create database shop owner owner");
  await server.sql(
    "create table orders (id int primary key); insert into orders values (1), (2), (3); alter table orders owner to owner; grant select on orders to seller",
    "shop",
  );
  project = await createProject({
    sources: postgresSource("shop", "SHOP_DB", assertion),
    env: { SHOP_DB: server.urlOf("shop") },
    majors: [17],
  });
  expect((await project.holdfast(["backup", "shop"])).code).toBe(0);
  await server.sql("delete from orders where id > 1", "shop");
});

afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await server?.remove();
});

const databases = async () =>
  (await server.sql("select string_agg(datname, ' ' order by datname) from pg_database where datname ~ '^shop'")).split(" ");
const rowsOf = (database: string) => server.sql("select count(*) from orders", database);
const restoreOf = (backup: string, ...args: string[]) => project.holdfast(["restore", backup, ...args]);
const restore = (...args: string[]) => restoreOf("shop@latest", ...args);
const dropOthers = async () => {
  for (const name of (await databases()).filter((each) => each !== "shop"))
    await server.sql(`drop database "${name}" with (force)`);
};
afterEach(dropOthers);

test("swap, and swap back: nothing is lost on the way, and what was replaced is backed up and held", async () => {
  const dry = await restore("--to", "shop", "--dry-run");
  expect(dry.code).toBe(5);
  expect(dry.json.checks).toContainEqual(expect.objectContaining({ level: "error", subject: "target" }));
  // The server runs on this machine: its room is known.
  expect(dry.json.checks).toContainEqual(expect.objectContaining({ level: "ok", subject: "room" }));

  const swapped = await restore("--to", "shop", "--swap");
  expect(swapped.json).toMatchObject({ intact: true, assertions: [{ name: "rows", passed: true }], objective: { met: true } });
  expect(swapped.code).toBe(0);
  const [, before = ""] = await databases();
  expect(before).toMatch(/^shop_before_\d{8}t\d{6}z$/);
  expect([await rowsOf("shop"), await rowsOf(before)]).toEqual(["3", "1"]);

  const { source, backupId } = swapped.json.safetyBackup;
  expect(source).toBe("shop.pre-restore");
  expect((await project.holdfast(["hold", "list", source])).json.holds).toMatchObject([
    { backupId, reason: expect.stringMatching(/^pre-restore/) },
  ]);
  // The newest of the source's own is another.
  expect((await restore("--to", "shop_latest", "--dry-run")).json.backupId).not.toBe(backupId);
  const back = await project.holdfast(["restore", `${source}/${backupId}`, "--to", "shop_safety", "--no-assertions"]);
  expect(back.code).toBe(0);
  expect(await rowsOf("shop_safety")).toBe("1");

  const undone = await project.holdfast(["restore", "shop", "--to", "shop", "--swap-back"]);
  expect(undone.json).toMatchObject({ target: "shop", from: before, kept: expect.stringMatching(/^shop_undone_/) });
  expect([await rowsOf("shop"), await rowsOf(undone.json.kept)]).toEqual(["1", "3"]);
});

test("under approvals, a database is replaced by the word of a second person alone: that one, and once", async () => {
  const key = new Uint8Array(32).fill(5);
  const approvals = `approvals: { of: [overwrite], approvers: { ben: ${publicKeyOf(key)} } }\n`;
  const sources = postgresSource("shop", "SHOP_DB", assertion);
  await createKeyFile(join(project.directory, "ben.key"), { randomBytes: () => key, now: new Date(0) });
  await project.writePolicy(`${sources}\n${approvals}`);
  const makeLedger = async () => {
    await server.sql("drop database if exists shop_ledger");
    await server.sql("create database shop_ledger");
    await server.sql("create table entries (id int)", "shop_ledger");
  };
  const overwrite = (...args: string[]) => restore("--to", "shop_ledger", "--overwrite", "--no-safety-backup", ...args);
  /** On a machine of the approver's. */
  const answer = async (request: { readonly sha256: string; readonly at: string }) => {
    const { vaultId } = JSON.parse(await readFile(join(project.vault, "holdfast.json"), "utf8"));
    const by = { approver: "ben", by: "ben@desk:1", person: "ben@desk", reason: "seen", at: request.at };
    const signed = await signDecision({ vaultId, requestSha256: request.sha256, decision: "approved", ...by }, fileSigner(key));
    await writeFile(join(project.directory, "answer.json"), JSON.stringify({ formatVersion: 2, answer: signed }));
    return project.holdfast(["take-answer", "answer.json"]);
  };
  try {
    await makeLedger();
    expect((await overwrite()).json.error).toMatchObject({ class: "UsageInvalid", hint: expect.stringContaining("--reason") });
    const asked = await overwrite("--reason", "bad migration");
    expect(asked.code).toBe(5);
    expect(asked.json.error.class).toBe("ApprovalNeeded");
    const { request } = asked.json;
    expect(request).toMatchObject({
      state: "waiting",
      action: "overwrite",
      target: "shop_ledger",
      options: { safetyBackup: "no" },
    });
    expect(request.standing).toMatch(/^database \d+ of server \d{19}$/);
    expect(request.loses).toContainEqual(expect.stringMatching(/^it has \d+ MB in 1 table, about 0 rows/));
    expect(request.loses).toContainEqual("it is not backed up first (--no-safety-backup)");
    const own = await project.holdfast(["approve", request.id, "--reason", "mine", "--key", "ben.key"]);
    expect(own.code).toBe(5);
    expect(own.json.error.message).toContain("is by the person who asked");

    // Another database under that name is not what was approved.
    expect((await answer(request)).json).toMatchObject({ id: request.id, state: "approved" });
    await makeLedger();
    const other = await overwrite("--request", request.id);
    expect([other.code, other.json.error.class]).toEqual([5, "ApprovalRefused"]);
    expect(other.json.error.details).toEqual([expect.stringContaining("something else stands at the target now")]);
    expect(await server.sql("select count(*) from entries", "shop_ledger")).toBe("0");

    const again = (await overwrite("--reason", "bad migration, the new one")).json.request;
    await server.sql("insert into entries values (1)", "shop_ledger");
    await answer(again);
    const done = await overwrite();
    expect(done.code).toBe(0);
    expect(await rowsOf("shop_ledger")).toBe("3");
    const { vaults } = (await project.holdfast(["requests", "--all"])).json;
    expect(vaults[0].requests.map(({ state }: { state: string }) => state)).toEqual(["approved", "used"]);
    const trail = await project.holdfast(["audit", "--action", "approval"]);
    expect([trail.code, trail.json.vaults[0].problems]).toEqual([0, []]);
    expect(trail.json.vaults[0].entries.map(({ action }: { action: string }) => action)).toEqual([
      ...["approval.requested", "approval.given", "approval.requested", "approval.given", "approval.used"],
    ]);
    // It was for one time.
    expect((await overwrite()).json.error.class).toBe("UsageInvalid");
  } finally {
    await project.writePolicy(sources);
  }
});

test("sessions keep the name, with the statements that end them; --end-connections ends them, however often they come back", async () => {
  const url = server.urlOf("shop");
  let ended = false;
  // As an application's pool does.
  const application = (async () => {
    while (!ended) {
      const client = new pg.Client({ connectionString: url });
      client.on("error", () => undefined);
      await client
        .connect()
        .then(() => client.query("select pg_sleep(3600)"))
        .catch(() => undefined);
      await client.end().catch(() => undefined);
    }
  })();
  try {
    await waitFor(
      "the application",
      async () => (await server.sql("select count(*) from pg_stat_activity where datname = 'shop'")) === "1",
    );
    const refused = await restore("--to", "shop", "--swap", "--no-safety-backup");
    expect(refused.json.error).toMatchObject({
      class: "RestoreRefused",
      message: expect.stringMatching(/^1 session is connected to "shop"/),
    });
    expect(refused.json.error.details).toEqual([
      expect.stringContaining("pg_terminate_backend"),
      expect.stringMatching(/^BEGIN; .* COMMIT;$/),
    ]);
    expect(await rowsOf("shop")).toBe("1");
    const swapped = await restore("--to", "shop", "--swap", "--no-safety-backup", "--end-connections");
    expect(swapped.code).toBe(0);
    expect(await rowsOf("shop")).toBe("3");
  } finally {
    ended = true;
    await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname ~ '^shop' and pid <> pg_backend_pid()");
    await application;
  }
  expect((await project.holdfast(["restore", "shop", "--to", "shop", "--swap-back", "--end-connections"])).code).toBe(0);
  expect(await rowsOf("shop")).toBe("1");
});

test("owners and grants: kept, left out, or given to one role with the database", async () => {
  const ownerOf = (database: string) =>
    server.sql(
      "select tableowner, has_table_privilege('seller', 'orders', 'select') from pg_tables where tablename = 'orders'",
      database,
    );
  const ownerOfDatabase = (database: string) => server.sql(`select datdba::regrole from pg_database where datname = '${database}'`);
  expect((await restore("--to", "shop_kept")).code).toBe(0);
  expect((await restore("--to", "shop_mapped", "--role", "seller")).code).toBe(0);
  expect(await ownerOf("shop_kept")).toBe("owner|t");
  expect(await ownerOf("shop_mapped")).toBe("seller|t");
  expect([await ownerOfDatabase("shop_kept"), await ownerOfDatabase("shop_mapped")]).toEqual(["owner", "seller"]);
});

test("a kept restore outlives its command, answers queries, and is gone with all its files when it is ended", async () => {
  const kept = await project.holdfast(["restore", "shop@latest", "--keep", "4h", "--no-assertions"]);
  expect(kept.code).toBe(0);
  const { id, access } = kept.json.kept;
  const [, directory = ""] = /host=(\S+)/.exec(access[0]) ?? [];
  const client = new pg.Client({ host: directory, port: 5432, user: "holdfast_throwaway", database: "shop" });
  await client.connect();
  expect((await client.query("select count(*)::int as count from orders")).rows).toEqual([{ count: expect.any(Number) }]);
  await client.end();
  expect((await project.holdfast(["kept"])).json.kept).toMatchObject([{ id, source: "shop" }]);
  expect((await project.holdfast(["kept", "--end", id])).json).toEqual({ ended: [id] });
  await expect(stat(directory)).rejects.toThrow();
});

test("the target's disk fills up in the middle: what was begun is taken back, and the target is as it was", async () => {
  await using disk = await mountSmallDisk(24 * 1024 * 1024);
  const { uid, gid } = await stat(server.dataDir);
  // A test that is not root runs as the server's user already.
  if (process.geteuid?.() === 0) await chown(disk.path, uid, gid);
  await server.sql(`create tablespace small location '${disk.path}'`);
  try {
    await server.sql("create table filler as select repeat(md5(g::text), 30) as text from generate_series(1, 40000) g", "shop");
    // What is dropped again makes a later one suspicious: taken by its id, it is taken all the
    // same.
    const { backupId } = (await project.holdfast(["backup", "shop"])).json;
    // The room is an estimate, which has to be waved through here.
    expect((await restoreOf(backupId, "--to", "shop_small", "--tablespace", "small")).json.error).toMatchObject({
      class: "RestoreRefused",
      hint: expect.stringContaining("--ignore-room"),
    });
    const full = await restoreOf(backupId, "--to", "shop_small", "--tablespace", "small", "--ignore-room", "--no-assertions");
    expect(full.json.error).toMatchObject({ class: "DiskFull" });
    expect(await databases()).toEqual(["shop"]);
  } finally {
    await server.sql("drop table if exists filler", "shop");
    await server.sql("drop tablespace small");
  }
});

test("the target's connections are lost in the middle: what was begun is taken back, and nothing is called done", async () => {
  await server.sql(
    `create function slow(id int) returns boolean language plpgsql as 'begin perform pg_sleep(0.05); return true; end';
     create table slow_rows (id int check (slow(id)))`,
    "shop",
  );
  try {
    await server.sql("insert into slow_rows select g from generate_series(1, 20) g", "shop");
    // What is dropped again makes a later one suspicious: taken by its id, it is taken all the
    // same.
    const { backupId } = (await project.holdfast(["backup", "shop"])).json;
    const restoring = restoreOf(backupId, "--to", "shop", "--swap", "--no-safety-backup", "--no-assertions");
    const loading = "datname ~ '^shop_holdfast' and query ~ '^COPY'";
    await waitFor("the load", async () => (await server.sql(`select count(*) > 0 from pg_stat_activity where ${loading}`)) === "t");
    await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where ${loading}`);
    const lost = await restoring;
    expect(lost.json.error).toMatchObject({ class: "RestoreFailed" });
    expect(lost.code).toBe(1);
    expect(await databases()).toEqual(["shop"]);
    expect((await project.holdfast(["show", backupId])).json.evidence.map(({ check }: { check: string }) => check)).not.toContain(
      "restored",
    );
  } finally {
    await server.sql("drop table slow_rows; drop function slow", "shop");
  }
});

describe("a swap that is cut off between its two renames", () => {
  const copy = "shop_holdfast_a1b2c3";
  let blocker: pg.Client;
  let swapping: ChildProcess;
  let said = "";

  /** Another session holds the copy's lock: the second rename waits, with the first one done. */
  async function swapAndWait(): Promise<void> {
    await server.sql(`create database ${copy} template shop`);
    blocker = new pg.Client({ connectionString: server.urlOf("postgres") });
    await blocker.connect();
    await blocker.query(`begin; alter database ${copy} rename to elsewhere`);
    said = "";
    swapping = spawn(process.execPath, [join(import.meta.dirname, "swap-and-wait.ts"), server.url], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    swapping.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await waitFor(
      "the second rename",
      async () => (await server.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")) === "1",
    );
  }

  const letGo = async () => {
    await blocker.query("rollback");
    await blocker.end();
  };
  const ending = () => new Promise((resolve) => swapping.once("close", resolve));

  test("by kill -9 has changed nothing", async () => {
    await swapAndWait();
    const ended = ending();
    swapping.kill("SIGKILL");
    await ended;
    await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'");
    await letGo();
    expect(await databases()).toEqual(["shop", copy]);
    // The next one says what was left, and how to remove it.
    const plan = await restore("--to", "shop", "--overwrite", "--dry-run");
    expect(plan.json.checks).toContainEqual(
      expect.objectContaining({ subject: "leftovers", remedy: expect.stringContaining("DROP DATABASE") }),
    );
  });

  test("by a lost connection says that both names are as they were", async () => {
    await swapAndWait();
    const ended = ending();
    await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'");
    await letGo();
    await ended;
    expect(said).toMatch(/^RestoreFailed: .*the restored copy is kept as "shop_holdfast_a1b2c3", and "shop" is as it was\n$/);
    expect(await databases()).toEqual(["shop", copy]);
  });

  test("not at all ends as it should", async () => {
    await swapAndWait();
    const ended = ending();
    await letGo();
    await ended;
    expect(said).toBe("swapped\n");
    expect(await databases()).toEqual(["shop", "shop_before_20261120t020000z"]);
  });
});
