/**
 * Ends one process of a restore test by SIGKILL, as the out-of-memory killer does: the first to go
 * when memory ends is what runs in the sandbox.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { throwawaySuperuser } from "../../../src/engines/postgres/place/throwaway-server.ts";
import type { ContentDigest } from "../../../src/proof/content.ts";
import { runOk } from "../../support/processes.ts";
import { prove, type Verdict } from "./prove.ts";
import type { TakenBackup } from "./taken-backup.ts";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly words: readonly string[];
  readonly environment: string;
}

async function listProcesses(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const read = (pid: number, file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  const one = async (pid: number): Promise<Process> => {
    const [words, status, environment] = await Promise.all([read(pid, "cmdline"), read(pid, "status"), read(pid, "environ")]);
    return { pid, parent: Number(/^PPid:\t(\d+)/m.exec(status)?.[1]), words: words.split("\0"), environment };
  };
  return Promise.all(pids.map(one));
}

type Choose = (all: readonly Process[], directory: string) => Process | undefined;

const isProgram = ({ words }: Process, name: string): boolean => words[0]?.endsWith(`/${name}`) === true;
const postmasterOf: Choose = (all, directory) =>
  all.find((one) => isProgram(one, "postgres") && one.words.includes(join(directory, "d/data")) && one.words.includes("-c"));
const childTitled =
  (title: RegExp): Choose =>
  (all, directory) => {
    const postmaster = postmasterOf(all, directory)?.pid;
    return all.find(({ parent, words }) => parent === postmaster && title.test(words[0] ?? ""));
  };
const client =
  (name: string, worker = false): Choose =>
  (all, directory) => {
    const own = all.filter((one) => isProgram(one, name) && one.environment.includes(directory));
    const pids = new Set(own.map(({ pid }) => pid));
    return own.find(({ parent }) => pids.has(parent) === worker);
  };
const initdbOf: Choose = (all, directory) =>
  all.find((one) => isProgram(one, "initdb") && one.words.some((word) => word.startsWith(directory)));

/** Each process that a restore test has, by name, and how it is found among all of the machine. */
export const victims: Readonly<Record<string, Choose>> = {
  initdb: initdbOf,
  "a server of initdb": (all, directory) => {
    const initdb = initdbOf(all, directory)?.pid;
    const shells = new Set(all.filter(({ parent }) => parent === initdb).map(({ pid }) => pid));
    return all.find((one) => isProgram(one, "postgres") && (one.parent === initdb || shells.has(one.parent)));
  },
  postmaster: postmasterOf,
  checkpointer: childTitled(/^postgres: checkpointer/),
  "the writer of the log": childTitled(/^postgres: walwriter/),
  "a session": childTitled(new RegExp(`^postgres: ${throwawaySuperuser} `)),
  "a session that copies": childTitled(new RegExp(`^postgres: ${throwawaySuperuser} .* COPY`)),
  "a session that makes an index": childTitled(new RegExp(`^postgres: ${throwawaySuperuser} .* (?:CREATE INDEX|ALTER TABLE)`)),
  pg_restore: client("pg_restore"),
  "a worker of pg_restore": client("pg_restore", true),
  pg_dump: client("pg_dump"),
  pg_dumpall: client("pg_dumpall"),
};

export interface Outcome {
  readonly killed: boolean;
  /** Of a test that came to its end. */
  readonly verdict?: Verdict;
  /** The error's class, of one that did not. */
  readonly error?: string;
  readonly message?: string;
}

/** Restore-tests the backup; the victim is killed so long after it is first seen. */
export async function proveWhileKilling(
  taken: TakenBackup,
  digest: ContentDigest,
  choose: Choose,
  afterMs: number,
): Promise<Outcome> {
  const temporary = await mkdtemp(join(tmpdir(), "hf-kill-"));
  await runOk("chmod", ["755", temporary], {});
  const context = { ...taken.context, temporaryDirectory: temporary };
  let over = false;
  const killer = killOnce(temporary, choose, afterMs, () => over);
  try {
    const { verdict } = await prove({ ...taken, context }, {}, digest);
    over = true;
    return { killed: await killer, verdict };
  } catch (error) {
    over = true;
    return { killed: await killer, error: (error as Error).name, message: (error as Error).message };
  } finally {
    over = true;
    await killer;
    await rm(temporary, { recursive: true });
  }
}

async function killOnce(temporary: string, choose: Choose, afterMs: number, isOver: () => boolean): Promise<boolean> {
  while (!isOver()) {
    const [name] = (await readdir(temporary)).filter((entry) => entry.startsWith("holdfast-pg-"));
    const victim = name === undefined ? undefined : choose(await listProcesses(), join(temporary, name));
    if (victim !== undefined) {
      await sleep(afterMs);
      return kill(victim.pid);
    }
    await sleep(2);
  }
  return false;
}

/**
 * Kills a session of a server as soon as one has such a title, and gives whether one was killed
 * before `isOver`.
 */
export async function killSession(postmaster: number, title: RegExp, isOver: () => boolean): Promise<boolean> {
  while (!isOver()) {
    const all = await listProcesses();
    const victim = all.find(({ parent, words }) => parent === postmaster && title.test(words[0] ?? ""));
    if (victim !== undefined && kill(victim.pid)) return true;
    await sleep(2);
  }
  return false;
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false; // It had ended.
  }
}
