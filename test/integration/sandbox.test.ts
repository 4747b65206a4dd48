/**
 * The sandbox, tried from inside: with bubblewrap, with namespaces alone, and without; as root and
 * as an ordinary user.
 */
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConfinedProgram, isRoot, makeConfinedProgram, type Runner, runners } from "../support/confined-program.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { takeBackup } from "./postgres/taken-backup.ts";

const secret = "a-password-in-the-environment-of-the-caller";
const kinds = ["bubblewrap", "namespaces"] as const;
const everywhere = runners.flatMap((runner) => kinds.map((kind) => [kind, runner] as const));

let program: ConfinedProgram;
let listener: Server;
let connections = 0;
const port = (): number => (listener.address() as { port: number }).port;
let directory: string;
/** Files as Holdfast's: the caller's own, closed to others. */
let own: Record<Runner, { readonly key: string; readonly vault: string; readonly temporary: string }>;

async function makeOwn(runner: Runner): Promise<(typeof own)[Runner]> {
  const base = join(directory, runner.replaceAll(" ", "-"));
  const paths = { key: join(base, "main.key"), vault: join(base, "vault"), temporary: join(base, "tmp") };
  for (const path of [base, paths.vault, paths.temporary]) await mkdir(path, { mode: 0o755 });
  await writeFile(paths.key, "the sealing key\n", { mode: 0o600 });
  const uid = runner === "root" ? 0 : program.uid;
  if (isRoot) for (const path of [base, ...Object.values(paths)]) await chown(path, uid, uid);
  return paths;
}

beforeAll(async () => {
  program = await makeConfinedProgram();
  listener = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  directory = await mkdtemp(join(tmpdir(), "hf-sandbox-"));
  await chmod(directory, 0o755);
  own = { root: await makeOwn("root"), "ordinary user": await makeOwn("ordinary user") };
});

afterAll(async () => {
  listener?.close();
  await program?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** How many processes of the machine have this word on their command line. */
async function countProcesses(word: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.split("\0").includes(word)).length;
}

describe.each(everywhere)("a shell's script in a sandbox (%s, as %s)", (kind, runner) => {
  const run = async (script: string) => {
    const writable = await mkdtemp(join(own[runner].temporary, "w-"));
    await chmod(writable, 0o755);
    if (isRoot && runner !== "root") await chown(writable, program.uid, program.uid);
    const answer = await program.run(
      runner,
      kind,
      { shell: { script: script.replaceAll("WRITABLE", writable), writable } },
      { HF: secret },
    );
    expect(answer.kind).toBe(kind);
    return { ...answer, stdout: answer.stdout ?? "", writable };
  };

  test("is nobody else, with no right to anything", async () => {
    const { stdout, uid } = await run("id -u; cat /proc/self/status | grep -E '^(Cap|NoNew)'");
    expect(stdout.split("\n")[0]).toBe(String(uid ?? program.uid));
    expect(stdout.match(/^Cap(Prm|Eff|Amb):\t0+$/gm)).toHaveLength(3);
    expect(stdout).toContain("NoNewPrivs:\t1");
  });

  test("sees its own processes only, and nobody's environment", async () => {
    const { stdout } = await run(`ls /proc | grep -c '^[0-9]*$'; cat /proc/[0-9]*/environ 2>/dev/null | grep -c ${secret}`);
    const [processes = "", found] = stdout.split("\n");
    expect(Number(processes)).toBeLessThan(10);
    expect(found).toBe("0");
  });

  test("has no network", async () => {
    const { stdout } = await run(`
      tail -n +3 /proc/net/dev | cut -d : -f 1; tail -n +2 /proc/net/route
      bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port()}' 2> /dev/null && echo connected`);
    expect(stdout.trim()).toBe("lo");
    expect(connections).toBe(0);
  });

  test("reads no file of the caller's, and writes in its own directory only", async () => {
    const { key, vault } = own[runner];
    const { stdout, writable } = await run(`
      cat ${key} 2>/dev/null && echo read; ls ${directory} 2>/dev/null | grep -v root | grep -v ordinary; cat /etc/shadow 2>/dev/null && echo shadow
      for place in ${vault} ${own[runner].temporary} / /tmp /etc /usr /usr/lib /usr/share /dev /dev/shm /var /proc; do
        { echo x > $place/written; } 2>/dev/null && echo "wrote in $place"
      done
      echo mine > WRITABLE/file && cat WRITABLE/file`);
    expect(stdout).toBe("mine\n");
    expect(await readdir(writable)).toEqual(["file"]);
    expect(await readdir(vault)).toEqual([]);
  });

  if (kind === "namespaces") {
    test("cannot run what it wrote", async () => {
      const { stdout } = await run(
        "cp /usr/bin/true WRITABLE/true; chmod 755 WRITABLE/true; WRITABLE/true 2>/dev/null || echo refused",
      );
      expect(stdout).toBe("refused\n");
    });
  }

  test("leaves no process behind, and a fork bomb ends at a limit", async () => {
    const word = `300.${400_000 + Math.floor(Math.random() * 100_000)}`;
    // One fork before the bomb: a `tail` beside it may be the one for which no process is left.
    const { stdout } = await run(`
      setsid sleep ${word} > /dev/null 2>&1 &
      (n=0; while n=$((n + 1)); do sleep ${word} > /dev/null 2>&1 & echo $n; done) 2> /dev/null`);
    const started = Number(stdout.trim().split("\n").at(-1));
    expect(started).toBeGreaterThan(10);
    expect(started).toBeLessThan(3_000);
    // Bubblewrap ends when its command does, and the kernel kills the others then: on a busy
    // machine a moment later. One that is left behind lives for five minutes.
    await expect.poll(() => countProcesses(word), { timeout: 60_000, interval: 50 }).toBe(0);
  });
});

describe("a backup whose table runs its owner's code when it is loaded", () => {
  let server: PostgresServer;
  let outside: string;
  let taken: Awaited<ReturnType<typeof takeBackup>>;
  let globals: string;

  /**
   * What the code tries as the throwaway's superuser; each leaves `done` or the server's refusal.
   */
  function attempts(runner: Runner): Record<string, string> {
    const { key, vault } = own[runner];
    return {
      shell: `copy (select 1) to program 'touch ${outside}/shell'`,
      daemon: `copy (select 1) to program 'setsid sleep 300.987654 > /dev/null 2>&1 &'`,
      key: `select pg_catalog.pg_read_file('${key}')`,
      shadow: `select pg_catalog.pg_read_file('/etc/passwd')`,
      environment: "select attack.environments()",
      vault: `copy (select 1) to '${vault}/written'`,
      outside: `copy (select 1) to '${outside}/copied'`,
      "large object": `select pg_catalog.lo_export(pg_catalog.lo_from_bytea(0, 'x'), '${outside}/exported')`,
      programs: `copy (select 1) to '${server.binDir}/../share/written'`,
      network: `copy (select 1) to program 'bash -c "exec 3<>/dev/tcp/127.0.0.1/${port()}"'`,
    };
  }

  beforeAll(async () => {
    server = await startPostgres({ major: 17 });
    outside = join(directory, "outside");
    await mkdir(outside);
    await chmod(outside, 0o777);
  });

  afterAll(async () => {
    await server?.remove();
  });

  async function back(up: Runner): Promise<void> {
    await server.sql("drop database if exists hostile");
    await server.sql("create database hostile");
    const calls = Object.entries(attempts(up)).map(
      ([name, command]) => `perform attack.attempt('${name}', '${command.replaceAll("'", "''")}');`,
    );
    await server.sql(
      `create schema attack;
       create function attack.environments() returns text language plpgsql as $f$
       declare pid text; found int := 0; begin
         for pid in select p from pg_catalog.pg_ls_dir('/proc') p where p ~ '^[0-9]+$' loop
           begin
             if pg_catalog."position"(pg_catalog.pg_read_binary_file('/proc/' || pid || '/environ'), '${secret}'::bytea) > 0 then found := found + 1; end if;
           exception when others then null; end;
         end loop;
         if found = 0 then raise exception 'not found'; end if;
         return found::text; end $f$;
       create function attack.attempt(n text, command text) returns void language plpgsql as $f$
       begin execute command; insert into attack.made values (n, 'done');
       exception when others then insert into attack.made values (n, sqlerrm); end $f$;
       create function attack.ok(v text) returns boolean language plpgsql as $f$
       begin if current_user = 'holdfast_throwaway' then
         -- Made here: a table of the backup is emptied when its own rows are loaded beside these.
         create table attack.made (name text, outcome text);
         ${calls.join("\n")} end if; return true; end $f$;
       create table attack.notes (v text check (attack.ok(v))); insert into attack.notes values ('hello')`,
      "hostile",
    );
    taken = await takeBackup(server, "hostile", directory);
    const chunks: Buffer[] = [];
    for await (const chunk of await taken.backup.open("globals.sql")) chunks.push(chunk as Buffer);
    globals = Buffer.concat(chunks).toString("utf8");
    await chmod(taken.archive, 0o644);
    connections = 0;
  }

  const load = (runner: Runner, kind: string) =>
    program.run(
      runner,
      kind,
      {
        test: {
          archive: taken.archive,
          globals,
          facts: taken.backup.facts,
          binDir: server.binDir,
          temporary: own[runner].temporary,
          ask: Object.fromEntries(
            Object.keys(attempts(runner)).map((name) => [name, `select outcome from attack.made where name = '${name}'`]),
          ),
        },
      },
      { HF: secret },
    );

  test.each(everywhere)("reaches nothing (%s, as %s)", async (kind, runner) => {
    await back(runner);
    const { kind: used, answers = {}, error } = await load(runner, kind);
    expect(error).toBeUndefined();
    expect(used).toBe(kind);
    expect(Object.keys(answers)).toEqual(Object.keys(attempts(runner)));
    expect(Object.entries(answers).filter(([, outcome]) => outcome === "done" || outcome.includes("0 rows"))).toEqual([]);
    expect(connections).toBe(0);
    expect(await readdir(outside)).toEqual([]);
    expect(await readdir(own[runner].vault)).toEqual([]);
    expect(await readdir(own[runner].temporary)).toEqual(expect.not.arrayContaining([expect.stringMatching(/^holdfast-/)]));
    expect(await countProcesses("300.987654")).toBe(0);
  });

  test.each(runners)("a check that never ends is ended with the test, and leaves nothing (as %s)", async (runner) => {
    await server.sql("create database endless");
    await server.sql(
      `create function ok(v text) returns boolean language plpgsql as $f$
       begin while current_user = 'holdfast_throwaway' loop null; end loop; return true; end $f$;
       create table notes (v text check (ok(v))); insert into notes values ('hello')`,
      "endless",
    );
    const endless = await takeBackup(server, "endless", directory);
    await chmod(endless.archive, 0o644);
    const { temporary } = own[runner];
    const { archive, backup } = endless;
    const request = { archive, globals: "", facts: backup.facts, binDir: server.binDir, temporary, ask: {}, stopAfterMs: 12_000 };
    const { error } = await program.run(runner, "bubblewrap,namespaces", { test: request });
    expect(error).toMatch(/interrupted/);
    expect((await readdir(temporary)).filter((name) => name.startsWith("holdfast-"))).toEqual([]);
    await server.sql("drop database endless");
  });

  test.each(runners)("without a sandbox, as %s: what is documented, and nothing that stays", async (runner) => {
    await back(runner);
    const { kind, answers = {} } = await load(runner, "none");
    expect(kind).toBe("none");
    expect(answers).toMatchObject({ shell: "done", network: "done" });
    // As root the code is a user of its own; as an ordinary user it is that user.
    if (runner === "root") {
      expect(answers["key"]).toContain("Permission denied");
      expect(answers["vault"]).toContain("Permission denied");
      expect(answers["environment"]).toBe("not found");
      expect(answers["programs"]).toContain("Permission denied");
    } else expect(answers["key"]).toBe("done");
    expect(connections).toBeGreaterThan(0);
    expect(await countProcesses("300.987654")).toBe(0);
    await rm(join(outside, "shell"), { force: true });
    for (const name of await readdir(outside)) await rm(join(outside, name));
    for (const name of await readdir(own[runner].vault)) await rm(join(own[runner].vault, name));
  });
});
