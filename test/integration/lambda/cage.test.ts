/**
 * The bundled functions where Lambda puts them: an unprivileged user, a read-only root, /tmp alone,
 * no /dev/shm, no home.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cage, lambdaUid, namelessUid, openCage, toolPath } from "../../support/cage.ts";
import { type FunctionsCloud, startFunctionsCloud } from "../../support/functions-cloud.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";

const functions = ["dump", "prove"];
/** Supported majors at both ends. */
const majors = [14, 18] as const;
const execution = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-test-backup:cage";
const sourceOf = (major: number): string => `shop${major}`;
const servers = new Map<number, PostgresServer>();
const cages = new Map<number, Cage>();
let cloud: FunctionsCloud;

beforeAll(async () => {
  for (const major of majors) {
    const server = await startPostgres({ major });
    servers.set(major, server);
    await server.sql("create database shop");
    const schema = "create table orders (id bigint primary key, note text not null); create sequence tickets; create role clerk";
    const rows = "insert into orders select n, 'order ' || n from generate_series(1, 20000) n; create index on orders (note)";
    await server.sql(`${schema}; ${rows}; grant select on orders to clerk`, "shop");
    cages.set(major, await openCage({ functions, binDir: server.binDir }));
  }
  cloud = await startFunctionsCloud(
    Object.fromEntries([...servers].map(([major, server]) => [sourceOf(major), server.urlOf("shop")])),
  );
});

afterAll(async () => {
  for (const cage of cages.values()) await cage[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
  for (const server of servers.values()) await server.remove();
});

/** Calls a function in a cage of its own, as a new execution environment. */
async function call(place: Cage, name: string, event: object, more: NodeJS.ProcessEnv = {}): Promise<Record<string, unknown>> {
  const env = { ...cloud.environment({ toolPath }), ...more };
  await using lambda = await place.start(name, env);
  expect(lambda.uid).not.toBe(0);
  const { result, errorType, errorMessage } = await lambda.invoke(event);
  return result ?? { errorType, errorMessage, log: lambda.log() };
}

/** A backup of a major's source, made in its cage. */
async function dump(major: number): Promise<{ readonly source: string; readonly backupId: unknown; readonly execution: string }> {
  const source = sourceOf(major);
  const { backupId, ...rest } = await call(cageOf(major), "dump", { source, kind: "full" }, { HOLDFAST_SOURCE: source });
  expect(rest).toMatchObject({ source, rows: 20_000 });
  return { source, backupId, execution };
}

function cageOf(major: number): Cage {
  const cage = cages.get(major);
  if (cage === undefined) throw new Error(`there is no cage for PostgreSQL ${major}`);
  return cage;
}

/** The process below `pid` that runs in the cage: its first child's first child and so on. */
function innermost(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  return child === undefined || child === "" ? pid : innermost(Number(child));
}

describe("the cage", () => {
  it("is as narrow as Lambda's sandbox", async () => {
    const facts = [
      "id -u",
      "id -un",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own.
      'echo "home=${HOME-none}"',
      "ls -d /dev/shm 2>&1 | sed 's/.*: //'",
      // Everything that can be written to, and that would let it become another user.
      "find / -xdev -writable ! -type l 2>/dev/null | grep -v '^/proc' | sort | tr '\\n' ' '; echo",
      "touch /etc/x /var/task/x /usr/x 2>&1 | grep -c 'Read-only file system'",
      "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr -s '\\t\\n' ' '; echo",
      "ls -d /proc/[0-9]* | wc -l",
      "df --output=size -m /tmp | tail -1 | tr -d ' '",
      "ulimit -n",
    ];
    const { stdout, stderr } = await cageOf(18).shell(facts.join("\n"));
    const [uid, user, home, shm, writable, refused, rights, processes, disk, files] = stdout.trimEnd().split("\n");
    expect({ uid, user, home, shm, refused, disk, files }, stderr).toEqual({
      uid: String(lambdaUid),
      user: "sbx_user1051",
      home: "home=none",
      shm: "No such file or directory",
      refused: "3",
      disk: "512",
      files: "1024",
    });
    expect(writable?.trim().split(" ")).toEqual(["/dev/null", "/dev/random", "/dev/urandom", "/dev/zero", "/tmp"]);
    expect(rights?.trim()).toContain("CapEff: 0000000000000000");
    expect(rights?.trim()).toContain("NoNewPrivs: 1");
    // Itself and what its own script starts: nobody else's.
    expect(Number(processes)).toBeLessThan(6);
  });
});

describe("the functions in the cage", () => {
  it.each(majors)("dump, verify and prove a backup of PostgreSQL %i", async (major) => {
    const backup = await dump(major);
    expect(await call(cageOf(major), "prove", { ...backup, step: "verify" })).toMatchObject({ outcome: "verified", rows: 20_000 });
    expect(await call(cageOf(major), "prove", { ...backup, step: "restore-test" })).toMatchObject({
      outcome: "proven",
      rows: 20_000,
      rtoMet: true,
    });
  });

  it("leave nothing behind in /tmp, for the next invocation of the same environment", async () => {
    const backup = await dump(18);
    await using lambda = await cageOf(18).start("prove", cloud.environment({ toolPath }));
    for (let count = 0; count < 2; count += 1) {
      expect(await lambda.invoke({ ...backup, step: "restore-test" })).toMatchObject({ result: { outcome: "proven" } });
    }
    // The environment's files, seen from outside through its root.
    expect(readdirSync(`/proc/${innermost(lambda.pid)}/root/tmp`)).toEqual([]);
  });

  it("say it clearly where the user has no name, which initdb demands", async () => {
    const backup = await dump(18);
    const { binDir } = servers.get(18) as PostgresServer;
    await using nameless = await openCage({ functions: ["prove"], binDir, uid: namelessUid });
    // The AWS SDK looks for its configuration below HOME, else asks for the user's name: the image
    // sets HOME for that reason.
    const answer = await call(nameless, "prove", { ...backup, step: "restore-test" }, { HOME: "/tmp" });
    expect(answer).toMatchObject({ errorType: "ThrowawayFailed" });
    expect(answer["errorMessage"]).toContain("could not look up effective user ID 12345");
  });
});
