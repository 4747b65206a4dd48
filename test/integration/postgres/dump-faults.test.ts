import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Facts } from "../../../src/engines/backup-reader.ts";
import type { DumpArtifact, DumpSession } from "../../../src/engines/dump-session.ts";
import { openPostgresDump } from "../../../src/engines/postgres/dump/dump.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { dumpTo, makeContext, makeSource, readText } from "./dump-context.ts";

let server: PostgresServer;
let directory: string;
let environment: Record<string, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-dump-"));
  server = await startPostgres({ major: 17 });
  // Incompressible, and large enough that pg_dump cannot have written it all into pipes and
  // buffers.
  await server.sql(`CREATE DATABASE shop; \\c shop
    CREATE TABLE big AS SELECT i, encode(sha512(i::text::bytea), 'hex') || encode(sha512((-i)::text::bytea), 'hex') AS noise FROM generate_series(1, 150000) i;
    CHECKPOINT;`);
}, 60_000);
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  await server.start();
  environment = { SHOP_DB: server.urlOf("shop") };
});

const open = (signal?: AbortSignal) =>
  openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, makeContext([server.binDir], environment, signal));

/**
 * The processes of `program` that talk to this server (other tests run theirs), with what everybody
 * on the machine may see of them.
 */
async function processesOf(program: string): Promise<{ pid: number; commandLine: string }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => ({ pid: Number(pid), commandLine: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") })),
  );
  const named = all.filter(({ commandLine }) => commandLine.split("\0")[0] === program);
  const own = await Promise.all(
    named.map(async ({ pid }) =>
      (await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")).includes(`PGPORT=${server.port}\0`),
    ),
  );
  return named.filter((_, index) => own[index]);
}

/** Reads the archive's first bytes, then does `harm`, then reads on; gives the error. */
async function dieMidway(session: DumpSession<Facts, DumpArtifact>, harm: () => Promise<void>): Promise<unknown> {
  try {
    for await (const artifact of session.artifacts()) {
      const body = artifact.body[Symbol.asyncIterator]();
      await body.next();
      if (artifact.role === "archive") await harm();
      while (!(await body.next()).done);
    }
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await session.close();
  }
}

describe("a dump that is cut short", () => {
  it("by kill -9 of pg_dump fails with DumpFailed", async () => {
    const error = await dieMidway(await open(), async () => {
      const [child] = await processesOf(join(server.binDir, "pg_dump"));
      process.kill(child?.pid as number, "SIGKILL");
    });
    expect(error).toMatchObject({ name: "DumpFailed", message: expect.stringContaining("was ended by SIGKILL") });
  });

  it("by a server that stops fails with the tool's own words", async () => {
    const error = await dieMidway(await open(), () => server.stop("immediate"));
    expect(error).toMatchObject({ name: "DumpFailed" });
    expect((error as HoldfastError).details.join("\n")).toMatch(/pg_dump: error: .*(failed|closed|terminat)/s);
  });

  it("by the loss of the snapshot's session fails, although pg_dump would go on", async () => {
    const error = await dieMidway(await open(), async () => {
      await server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast' AND state = 'idle in transaction' AND query NOT LIKE 'COPY%'",
      );
      await sleep(3_000);
    });
    expect(error).toMatchObject({ name: "DumpFailed", message: expect.stringContaining("holds the snapshot") });
    expect(await processesOf(join(server.binDir, "pg_dump"))).toEqual([]);
  });

  it("by an abort stops pg_dump and gives the reason", async () => {
    const controller = new AbortController();
    const error = await dieMidway(await open(controller.signal), async () =>
      controller.abort(new HoldfastError("LeaseLost", "taken over")),
    );
    expect(error).toMatchObject({ name: "LeaseLost" });
    expect(await processesOf(join(server.binDir, "pg_dump"))).toEqual([]);
  });

  it("by a consumer that gives up leaves nothing behind", async () => {
    const session = await open();
    for await (const artifact of session.artifacts()) {
      artifact.body.destroy(new Error("the vault is full"));
      break;
    }
    await session.close();
    expect(await processesOf(join(server.binDir, "pg_dump"))).toEqual([]);
    const left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'holdfast%'";
    for (let tries = 0; tries < 50 && (await server.sql(left)) !== "0"; tries += 1) await sleep(50);
    expect(await server.sql(left)).toBe("0");
  });

  it("is not one that only waits for a lock", async () => {
    const locked = server.sql("BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); ROLLBACK", "shop");
    await sleep(300);
    const session = await open();
    try {
      let bytes = 0;
      for await (const artifact of session.artifacts()) for await (const chunk of artifact.body) bytes += (chunk as Buffer).length;
      expect(bytes).toBeGreaterThan(10_000_000);
      await locked;
    } finally {
      await session.close();
    }
  });
});

describe("secrets", () => {
  it("are in no process's arguments while it runs", async () => {
    const session = await open();
    const error = await dieMidway(session, async () => {
      const running = await processesOf(join(server.binDir, "pg_dump"));
      expect(running).toHaveLength(1);
      for (const pid of await readdir("/proc").then((names) => names.filter((name) => /^\d+$/.test(name)))) {
        const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        expect(text.includes(server.password) && text.includes("pg_dump")).toBe(false);
      }
    });
    expect(error).toBeUndefined();
  });
});

describe("a source that cannot be dumped", () => {
  const attempt = async (changes: Record<string, string>): Promise<HoldfastError> => {
    const context = makeContext([server.binDir], { ...environment, ...changes });
    return dumpTo(directory, makeSource(), context).then(
      () => {
        throw new Error("the dump succeeded");
      },
      (error: HoldfastError) => error,
    );
  };
  const leaks = (error: HoldfastError, secret: string): boolean =>
    JSON.stringify([
      error.message,
      error.hint,
      error.details,
      String(error.cause),
      (error.cause as Error | undefined)?.stack,
    ]).includes(secret);

  it("for its password says whose, and never the password", async () => {
    const error = await attempt({ SHOP_DB: server.urlOf("shop", "postgres", "wr0ng-secret") });
    expect(error).toMatchObject({ name: "SourceAccessDenied", message: expect.stringContaining('user "postgres"') });
    expect(leaks(error, "wr0ng-secret")).toBe(false);
  });

  it("for its database's name", async () => {
    const error = await attempt({ SHOP_DB: server.urlOf("nowhere") });
    expect(error).toMatchObject({
      name: "SourceAccessDenied",
      retryable: false,
      message: expect.stringContaining("nowhere"),
      hint: expect.stringContaining("database's name"),
    });
  });

  it("for a password that is asked for and not given", async () => {
    const error = await attempt({ SHOP_DB: `postgresql://postgres@127.0.0.1:${server.port}/shop`, HOME: "/nonexistent" });
    expect(error).toMatchObject({
      name: "SourceAccessDenied",
      retryable: false,
      message: expect.stringContaining('asks user "postgres" for a password'),
    });
  });

  it("for a database that takes no connections", async () => {
    await server.sql("CREATE DATABASE closed ALLOW_CONNECTIONS false");
    expect(await attempt({ SHOP_DB: server.urlOf("closed") })).toMatchObject({ name: "SourceAccessDenied", retryable: false });
    await server.sql("DROP DATABASE closed");
  });

  it("for a setting that the server does not know", async () => {
    const error = await attempt({ SHOP_DB: `${server.urlOf("shop")}?options=-c%20no_such_setting%3D1` });
    expect(error).toMatchObject({
      name: "SourceAccessDenied",
      retryable: false,
      message: expect.stringContaining("no_such_setting"),
    });
  });

  it("because nothing listens there", async () => {
    const error = await attempt({ SHOP_DB: "postgresql://u:hidden-pw@127.0.0.1:1/shop" });
    expect(error).toMatchObject({ name: "SourceUnreachable", message: expect.stringContaining("127.0.0.1:1") });
    expect(leaks(error, "hidden-pw")).toBe(false);
  });

  it("because its variable is not set, or cannot be read", async () => {
    expect(await attempt({ SHOP_DB: "" })).toMatchObject({
      name: "SecretUnavailable",
      message: expect.stringContaining("SHOP_DB"),
    });
    const error = await attempt({ SHOP_DB: "my-plain-secret" });
    expect(error).toMatchObject({ name: "SecretUnavailable" });
    expect(leaks(error, "my-plain-secret")).toBe(false);
  });

  it("because no pg_dump is new enough", async () => {
    const context = makeContext([], { ...environment, PATH: "/nonexistent" });
    const error = await dumpTo(directory, makeSource(), context).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "ToolMissing", hint: expect.stringContaining("postgresql-client-17") });
  });

  it("in another kind than full", async () => {
    const context = makeContext([server.binDir], environment);
    await expect(openPostgresDump(makeSource(), { kind: "log", backupId: "b" }, context)).rejects.toMatchObject({
      name: "UsageInvalid",
    });
  });
});

describe("globals", () => {
  it("come as text that psql takes", async () => {
    const session = await open();
    for await (const artifact of session.artifacts()) {
      if (artifact.role === "archive") for await (const _ of artifact.body);
      else expect(await readText(artifact.body)).toContain("CREATE ROLE postgres;");
    }
    await session.close();
  });
});
