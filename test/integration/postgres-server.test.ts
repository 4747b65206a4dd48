import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { changeSampleDatabase, countSampleRows, createSampleDatabase } from "../../demo/sample-data.ts";
import { ensurePostgres, findSystemPostgres, postgresMajors } from "../../scripts/postgres-binaries.ts";
import { createObjectZoo } from "../support/object-zoo.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { isAlive, run, waitFor } from "../support/processes.ts";
import { mountSmallDisk } from "../support/tmpfs.ts";

describe("a server of one's own", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({
      major: 17,
      tls: true,
      settings: { work_mem: "7MB" },
      hbaLines: ["host all nobody 127.0.0.1/32 reject"],
    });
  });
  afterAll(() => server.remove());

  it("asks for the password, on TCP and on the socket", async () => {
    const psql = join(server.binDir, "psql");
    const wrong = await run(psql, ["-X", "-c", "select 1"], { env: { ...server.env, PGPASSWORD: "wrong" } });
    expect(wrong.stderr).toContain("password authentication failed");
    const socket = await run(psql, ["-XAtc", "select inet_server_addr() is null"], {
      env: { ...server.env, PGHOST: server.socketDir },
    });
    expect(socket.stdout).toBe("t\n");
    expect((await run(psql, ["-XAt", server.url, "-c", "select 1"])).stdout).toBe("1\n");
  });

  it("takes settings, rules of access and TLS", async () => {
    expect(await server.sql("show work_mem; show ssl")).toBe("7MB\non");
    const env = { ...server.env, PGSSLMODE: "verify-full", PGSSLROOTCERT: server.certificates?.caFile };
    expect(
      (await run(join(server.binDir, "psql"), ["-XAtc", "select ssl from pg_stat_ssl where pid = pg_backend_pid()"], { env }))
        .stdout,
    ).toBe("t\n");
    const refused = await run(join(server.binDir, "psql"), ["-X", "-U", "nobody", "-c", "select 1"], { env: server.env });
    expect(refused.stderr).toContain("rejects connection");
  });

  it("throws what psql says of a wrong statement", async () => {
    await expect(server.sql("select 1; select nonsense")).rejects.toThrow(/column "nonsense" does not exist/);
  });

  it("comes back on the same port after kill -9, with its data", async () => {
    const { port } = server;
    await server.sql("create table kept as select 1 as one; checkpoint");
    await server.kill("SIGKILL");
    expect(server.pid).toBeUndefined();
    await server.start();
    expect(server.port).toBe(port);
    expect(await server.sql("select * from kept")).toBe("1");
  });
});

describe("the end of the process that started a server", () => {
  it("takes the server and its files along, even by kill -9", async () => {
    const support = join(import.meta.dirname, "../support/postgres-server.ts");
    const script = `const { startPostgres } = await import(${JSON.stringify(support)});
      const server = await startPostgres({ major: 17 });
      console.log(JSON.stringify([server.pid, server.dataDir]));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [pid, dataDir] = JSON.parse(String(await new Promise((resolve) => child.stdout.once("data", resolve)))) as [
      number,
      string,
    ];
    expect(isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await waitFor("the server's files to be gone", () => !existsSync(dataDir));
  });
});

describe("PostgreSQL's programs", () => {
  it("are fetched into an empty cache, by two processes at once", async () => {
    const cache = await mkdtemp(join(tmpdir(), "hf-binaries-"));
    try {
      const binaries = join(import.meta.dirname, "../../scripts/postgres-binaries.ts");
      const script = `const { ensurePostgres } = await import(${JSON.stringify(binaries)});
        console.log(JSON.stringify(await ensurePostgres(17, ${JSON.stringify(cache)})));`;
      const fetching = () => run(process.execPath, ["--input-type=module", "-e", script]);
      const results = await Promise.all([fetching(), fetching()]);
      const one = { binDir: join(cache, "postgres/17/bin"), major: 17, origin: "cache" };
      for (const { stdout, stderr } of results) expect(JSON.parse(stdout || stderr)).toEqual(one);
      expect(await readdir(join(cache, "postgres"))).toEqual(["17"]);
      expect((await run(join(one.binDir, "pg_dump"), ["--version"])).stdout).toMatch(/ 17\./);
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  });

  it("are said to be missing, with what to install, where there are none", async () => {
    const cache = await mkdtemp(join(tmpdir(), "hf-binaries-"));
    try {
      await expect(ensurePostgres(13, cache)).rejects.toThrow(
        /PostgreSQL 13 is neither installed here nor could it be fetched.*\n.*apt-get install postgresql-13/,
      );
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  });

  it("are found where a distribution puts them", async () => {
    const { binDir } = await ensurePostgres(16);
    const base = await mkdtemp(join(tmpdir(), "hf-system-"));
    try {
      await run("chmod", ["755", base]);
      await symlink(join(binDir, ".."), join(base, "16"));
      expect(findSystemPostgres([`${base}/*/bin`])).toContainEqual({ binDir: join(base, "16/bin"), major: 16, origin: "system" });
    } finally {
      await rm(base, { recursive: true, force: true });
    }
  });
});

describe("the databases that tests are made with", () => {
  it.each(postgresMajors)(
    "hold every kind of object on PostgreSQL %i, and survive its own dump and restore without a word",
    async (major) => {
      await using server = await startPostgres({ major, settings: { wal_level: "logical" } });
      await createObjectZoo(server);
      const at = (program: string): string => join(server.binDir, program);
      const chain = `"${at("pg_dump")}" -Fc zoo > "$1" && "${at("createdb")}" -T template0 zoo2 && "${at("pg_restore")}" --exit-on-error -d zoo2 "$1"`;
      await using disk = await mountSmallDisk(50_000_000);
      const { code, stderr } = await run("/bin/sh", ["-c", chain, "sh", join(disk.path, "zoo.dump")], { env: server.env });
      expect(stderr.replace(/^pg_restore: WARNING.*not subscribed.*\n/m, "")).toBe("");
      expect(code).toBe(0);
    },
  );

  it("are the same on every run", async () => {
    const digests = await Promise.all(
      [14, 18].map(async (major) => {
        await using server = await startPostgres({ major });
        await createSampleDatabase(server, "sample");
        await changeSampleDatabase(server, "sample");
        expect(await countSampleRows(server, "sample")).toBe(453_454);
        return await server.sql(
          "select sum(hashtextextended(t::text, 0)) from app.tasks t; select sum(hashtextextended(e::text, 0)) from app.events e",
          "sample",
        );
      }),
    );
    expect(digests[0]).toBe(digests[1]);
  });
});
