/** A throwaway server leaves nothing behind, whatever happens; and what it cannot do it says. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { estimateThrowawayBytes, openPostgresThrowaway } from "../../../src/engines/postgres/place/throwaway.ts";
import { decide } from "../../../src/pipeline/restore-test.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { runOk, waitFor } from "../../support/processes.ts";
import { mountSmallDisk } from "../../support/tmpfs.ts";
import { readerOf, type TakenBackup, takeBackup } from "./taken-backup.ts";

let server: PostgresServer;
let directory: string;
let taken: TakenBackup;

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  directory = await mkdtemp(join(tmpdir(), "hf-life-"));
  await server.sql("create database shop");
  // Rows that do not compress, so that the archive is larger than the estimate's rounding.
  await server.sql(
    `create extension hstore; create role app; create table places (id integer primary key, at hstore);
     create table noise as select n as id, (select string_agg(md5((n * 100 + m)::text), '') from generate_series(1, 100) m) as hex from generate_series(1, 3000) n;
     alter table noise owner to app; create index noise_id on noise (id); create view keys as select akeys(at) from places`,
    "shop",
  );
  taken = await takeBackup(server, "shop", directory);
});

afterAll(async () => {
  await server?.remove();
  await rm(directory, { recursive: true, force: true });
});

const holds = async (path: string): Promise<string[]> => (await readdir(path)).filter((name) => name.startsWith("holdfast-"));

/**
 * Opens a throwaway in a process of its own, which prints the server's directory and then waits.
 */
async function openElsewhere(temporary: string): Promise<{ readonly child: ChildProcess; readonly place: string }> {
  const facts = join(directory, "facts.json");
  await writeFile(facts, JSON.stringify(taken.backup.facts));
  const script = `
    import { readFileSync } from "node:fs";
    import { makeContext } from ${JSON.stringify(join(import.meta.dirname, "dump-context.ts"))};
    import { readerOf } from ${JSON.stringify(join(import.meta.dirname, "taken-backup.ts"))};
    import { openPostgresThrowaway } from ${JSON.stringify(join(import.meta.dirname, "../../../src/engines/postgres/place/throwaway.ts"))};
    const backup = await readerOf(${JSON.stringify(taken.archive)}, "", JSON.parse(readFileSync(${JSON.stringify(facts)}, "utf8")));
    const context = { ...makeContext([${JSON.stringify(server.binDir)}]), temporaryDirectory: ${JSON.stringify(temporary)} };
    const place = await openPostgresThrowaway(backup, context);
    await place.load();
    console.log(place.facts.directory);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const place = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim()));
    child.once("exit", (code) => reject(new Error(`ended with ${code}`)));
  });
  return { child, place };
}

/**
 * Processes that name the server's directory on their command line: the server, and the sandbox
 * around it.
 */
async function processesOf(where: string): Promise<{ readonly pid: number; readonly command: string }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(
    pids.map(async (pid) => ({ pid, command: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") })),
  );
  return all.filter(({ command }) => command.includes(`${where}/`));
}

/** Real users of the initdb that makes a data directory below `temporary`. */
async function usersOfInitdb(temporary: string): Promise<string[]> {
  const own = (await processesOf(temporary)).filter(({ command }) => /^[^\0]*\/initdb\0-D/.test(command));
  const statuses = await Promise.all(own.map(({ pid }) => readFile(`/proc/${pid}/status`, "utf8").catch(() => "")));
  return statuses.flatMap((status) => /^Uid:\t(\d+)/m.exec(status)?.[1] ?? []);
}

describe("a throwaway server", () => {
  test("is made by the user that runs it: the processes of no other account count against its limits", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "hf-tmp-"));
    await runOk("chmod", ["755", temporary], {});
    const users = new Set<string>();
    const opening = openPostgresThrowaway(taken.backup, { ...taken.context, temporaryDirectory: temporary });
    const isOpen = opening.then(() => true);
    while (!(await Promise.race([isOpen, sleep(2, false)]))) {
      for (const user of await usersOfInitdb(temporary)) users.add(user);
    }
    const place = await opening;
    const owner = String((await stat(join(String(place.facts["directory"]), "d/data/PG_VERSION"))).uid);
    await place.close();
    expect([...users]).toEqual([owner]);
    await rm(temporary, { recursive: true });
  });
});

describe("the end of a throwaway server", () => {
  test.each<NodeJS.Signals>(["SIGKILL", "SIGTERM", "SIGINT"])("comes when Holdfast's process gets %s", async (signal) => {
    const temporary = await mkdtemp(join(tmpdir(), "hf-tmp-"));
    await runOk("chmod", ["755", temporary], {});
    const { child, place } = await openElsewhere(temporary);
    expect(await processesOf(place)).not.toEqual([]);
    child.kill(signal);
    await waitFor("the server to be gone", async () => !existsSync(place) && (await processesOf(place)).length === 0, 20_000);
    expect(await readdir(temporary)).toEqual([]);
    await rm(temporary, { recursive: true });
  });

  test("comes when its postmaster is killed, which is no judgement of the backup", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "hf-tmp-"));
    await runOk("chmod", ["755", temporary], {});
    const place = await openPostgresThrowaway(taken.backup, { ...taken.context, temporaryDirectory: temporary });
    const where = String(place.facts["directory"]);
    const postmaster = (await processesOf(where)).find(({ command }) => /^[^\0]*\/postgres\0-D/.test(command));
    process.kill(postmaster?.pid ?? 0, "SIGKILL");
    await expect(place.load()).rejects.toMatchObject({ name: "ThrowawayFailed" });
    await place.close();
    expect(await readdir(temporary)).toEqual([]);
    await rm(temporary, { recursive: true });
  });

  test("comes when the run is interrupted, at any moment", async () => {
    const digest = await digestPostgresBackup(taken.backup, taken.context);
    for (const afterMs of [1, 150, 600, 1000, 2000]) {
      const temporary = await mkdtemp(join(tmpdir(), "hf-tmp-"));
      await runOk("chmod", ["755", temporary], {});
      const stop = new AbortController();
      const context = { ...taken.context, temporaryDirectory: temporary, signal: stop.signal };
      setTimeout(() => stop.abort(), afterMs);
      const work = (async () => {
        const place = await openPostgresThrowaway(taken.backup, context);
        try {
          await place.load();
          for (;;) await place.compare(digest);
        } finally {
          await place.close();
        }
      })();
      await expect(work).rejects.toMatchObject({ name: "Interrupted" });
      expect(await readdir(temporary)).toEqual([]);
      await rm(temporary, { recursive: true });
    }
  });
});

describe("what a place lacks", () => {
  test("an extension is named, what depends on it is not compared, and nothing is called damage", async () => {
    const crippled = await mkdtemp(join(tmpdir(), "hf-crippled-"));
    try {
      await runOk("cp", ["-a", `${join(server.binDir, "..")}/.`, crippled], {});
      await runOk("chmod", ["755", crippled], {});
      const extensions = (await runOk(join(crippled, "bin/pg_config"), ["--sharedir"], {})).trim();
      await rm(join(extensions, "extension/hstore.control"));
      const context = { ...taken.context, toolPath: [join(crippled, "bin")] };
      const digest = await digestPostgresBackup(taken.backup, context);
      const place = await openPostgresThrowaway(taken.backup, context);
      try {
        const { findings } = await place.load();
        expect(findings[0]).toMatchObject({
          class: "lacking",
          subject: "EXTENSION hstore",
          message: expect.stringMatching(/^extension hstore 1\.\d+ is not available/),
        });
        expect(new Set(findings.map((finding) => finding.class))).toEqual(new Set(["lacking"]));
        expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(["TABLE public.places", "VIEW public.keys"]));
        expect(await place.compare(digest)).toMatchObject({ equal: true, differences: [] });
      } finally {
        await place.close();
      }
    } finally {
      await rm(crippled, { recursive: true });
    }
  });

  test("a collation is named, and the rows are compared all the same", async () => {
    const { backup, context, archive } = taken;
    const digest = await digestPostgresBackup(backup, context);
    // The same archive with a locale that no system has: the name stands in the archive's table of
    // contents.
    const altered = join(directory, "altered.dump");
    const bytes = await readFile(archive);
    const text = bytes.toString("latin1");
    const changed = text.replace("LOCALE = 'C.UTF-8'", "LOCALE = 'xx_YYYY'");
    expect(changed).not.toBe(text);
    await writeFile(altered, Buffer.from(changed, "latin1"));
    const place = await openPostgresThrowaway(await readerOf(altered, "", backup.facts), context);
    try {
      const { findings } = await place.load();
      expect(findings.filter((finding) => finding.class === "lacking")).toEqual([
        expect.objectContaining({
          subject: expect.stringContaining("xx_YY"),
          message: expect.stringContaining("the C collation was taken instead"),
        }),
      ]);
      expect((await place.compare(digest)).differences).toEqual([]);
    } finally {
      await place.close();
    }
  });

  test("a role that the globals do not have is made for the test", async () => {
    const place = await openPostgresThrowaway(
      await readerOf(taken.archive, "", { ...taken.backup.facts, globalsCaptured: "none" }),
      taken.context,
    );
    try {
      expect((await place.load()).findings).toContainEqual({
        class: "benign",
        subject: "role app",
        message: "is not in the backup; created without rights for the test",
      });
      expect((await place.compare(await digestPostgresBackup(taken.backup, taken.context))).differences).toEqual([]);
    } finally {
      await place.close();
    }
  });

  test("rows and tables that the policy excludes, and what refers to them, are told apart from damage", async () => {
    await server.sql("create database sparse");
    await server.sql(
      `create table users (id integer primary key); insert into users select generate_series(1, 10);
       create table sessions (id integer primary key, user_id integer references users); insert into sessions values (1, 1);
       create table clicks (session_id integer references sessions); insert into clicks values (1); create view active as select * from sessions`,
      "sparse",
    );
    const cases = [
      { exclude: { tables: [], data: ["public.sessions"] }, excepted: ["FK CONSTRAINT public.clicks clicks_session_id_fkey"] },
      {
        exclude: { tables: ["public.sessions"], data: [] },
        excepted: ["FK CONSTRAINT public.clicks clicks_session_id_fkey", "VIEW public.active"],
      },
    ];
    for (const { exclude, excepted } of cases) {
      const { backup, context } = await takeBackup(server, "sparse", directory, { exclude });
      const place = await openPostgresThrowaway(backup, context);
      try {
        const { findings } = await place.load();
        expect([...new Set(findings.map((finding) => `${finding.class} ${finding.subject}`))].sort()).toEqual(
          excepted.map((name) => `excepted ${name}`),
        );
        const comparison = await place.compare(await digestPostgresBackup(backup, context));
        expect(comparison.differences).toEqual([]);
        expect(comparison.leftOut?.objects).toEqual(expect.arrayContaining(excepted.map((name) => `schema ${name}`)));
        const sourceCheck = await place.compareSourceCheck(backup.sourceCheck);
        expect(sourceCheck).toMatchObject({ equal: true, objectsCompared: 2 });
        expect(decide(findings, comparison, sourceCheck, [])).toEqual({ check: "proven", findings: [] });
      } finally {
        await place.close();
      }
    }
  });

  test("a server of that major is named by its package", async () => {
    const context = { ...taken.context, toolPath: [], environment: {} };
    const facts = { ...taken.backup.facts, serverMajor: 13, toolMajor: 15 };
    const backup = await readerOf(taken.archive, "", facts);
    await expect(openPostgresThrowaway(backup, context)).rejects.toMatchObject({
      name: "ToolMissing",
      hint: expect.stringContaining("postgresql-13"),
    });
  });
});

describe("room on disk", () => {
  test("is checked first: what is needed and what is free", async () => {
    await using disk = await mountSmallDisk(64 * 1024 * 1024);
    const opening = openPostgresThrowaway(taken.backup, { ...taken.context, temporaryDirectory: disk.path });
    await expect(opening).rejects.toMatchObject({
      name: "DiskFull",
      message: expect.stringMatching(/needs \d+ MB in .*, where 6\d MB are free/),
    });
    expect(await holds(disk.path)).toEqual([]);
  });

  test("that holds the server but not the archive has it streamed, and proves as much", async () => {
    const { backup, context } = taken;
    const archive = backup.artifacts[0]?.plainBytes ?? 0;
    await using disk = await mountSmallDisk(estimateThrowawayBytes(backup) + Math.floor(archive / 2));
    const digest = await digestPostgresBackup(backup, context);
    const place = await openPostgresThrowaway(backup, { ...context, temporaryDirectory: disk.path });
    try {
      expect(place.facts).toMatchObject({ load: "streamed" });
      expect((await place.load()).findings).toEqual([]);
      expect((await place.compare(digest)).differences).toEqual([]);
    } finally {
      await place.close();
    }
    expect(await holds(disk.path)).toEqual([]);
  });
});

test("an archive that is cut off is refused, in pg_restore's words", async () => {
  const bytes = await readFile(taken.archive);
  const cut = join(directory, "cut.dump");
  await writeFile(cut, bytes.subarray(0, bytes.length - 1000));
  const backup = await readerOf(cut, "", taken.backup.facts);
  await expect(digestPostgresBackup(backup, taken.context)).rejects.toMatchObject({ name: "ContentInvalid" });
  const place = await openPostgresThrowaway(backup, taken.context);
  try {
    const outcome = await place.load().catch((error: Error) => error.name);
    expect(
      outcome === "ContentInvalid" || (typeof outcome !== "string" && outcome.findings.some((f) => f.class === "damage")),
    ).toBe(true);
  } finally {
    await place.close();
  }
});
