/**
 * What is measured against what: each comparison's contenders, Holdfast first, and the exact
 * commands of the others.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runOk } from "../test/support/processes.ts";
import { type Command, type Contender, measure, pipeline } from "./measure.ts";
import type { Restic } from "./restic.ts";
import { benchMajor, type Installation, type Workspace } from "./workspace.ts";

/** Both cores, as Holdfast's own restore uses them. */
const restoreJobs = 2;

export const names = {
  backup: "Holdfast backup",
  bareDump: "pg_dump -Fc --compress=zstd:3 > /dev/null",
  shell: "pg_dump -Fc | zstd | openssl enc > file",
  restic: "pg_dump -Fc | restic backup --stdin",
  verify: "Holdfast verify",
  bareRead: "pg_restore --file=- > /dev/null",
  pipedRead: "pg_restore --file=- | cat > /dev/null",
  restoreTest: "Holdfast restore-test",
  bareRestore: `pg_restore --jobs=${restoreJobs}, then pg_dump > /dev/null`,
} as const;

/** What `--earlier` adds to a name. */
export const earlier = (name: string): string => `${name}, earlier`;

/** What others left in the write cache is not charged to the next run. */
const settle = async (): Promise<void> => void (await run("sync", []));

function contender(name: string, command: () => Command, prepare?: () => Promise<void>): Contender {
  return {
    name,
    async prepare() {
      await prepare?.();
      await settle();
    },
    run: () => measure(command()),
  };
}

/** Holdfast as it stands, and the one of an earlier checkout (`--earlier`). */
export interface Compared {
  readonly now: Installation;
  readonly earlier?: Installation | undefined;
}

/** A command on the latest backup of each installation. */
function holdfastContenders(name: string, verb: string, { now, earlier: before }: Compared): Contender[] {
  const at = (title: string, { command, source }: Installation): Contender =>
    contender(title, () => command(verb, `${source}@latest`));
  return [at(name, now), ...(before === undefined ? [] : [at(earlier(name), before)])];
}

/** Backups of one database: each run starts with an empty vault, file or repository. */
export function backupContenders(
  workspace: Workspace,
  { now: holdfast, earlier: before }: Compared,
  restic: Restic | undefined,
): Contender[] {
  const { server, directory } = workspace;
  const env = { ...server.env, PGDATABASE: holdfast.source };
  const dump = join(server.binDir, "pg_dump");
  const file = join(directory, "shell.dump");
  const secret = join(directory, "shell.key");
  const backUp = (name: string, { command, source, vault }: Installation): Contender =>
    contender(
      name,
      () => command("backup", source, "--no-verify", "--no-prune"),
      () => rm(vault, { recursive: true, force: true }),
    );
  const contenders = [
    backUp(names.backup, holdfast),
    ...(before === undefined ? [] : [backUp(earlier(names.backup), before)]),
    contender(names.bareDump, () => pipeline('"$1" -Fc --compress=zstd:3 > /dev/null', [dump], env)),
    contender(
      names.shell,
      () =>
        pipeline(
          '"$1" -Fc --compress=none | zstd -3 -q | openssl enc -aes-256-ctr -pbkdf2 -pass "file:$2" > "$3"',
          [dump, secret, file],
          env,
        ),
      async () => {
        await rm(file, { force: true });
        await writeFile(secret, "a bench's secret\n", { mode: 0o600 });
      },
    ),
  ];
  if (restic === undefined) return contenders;
  const repository = join(directory, "restic");
  const resticEnv = {
    ...env,
    RESTIC_PASSWORD: "a bench's secret",
    RESTIC_REPOSITORY: repository,
    RESTIC_CACHE_DIR: join(directory, "restic-cache"),
  };
  const backUpByRestic = '"$1" -Fc --compress=none | "$2" --quiet backup --stdin --stdin-filename bench.dump';
  return [
    ...contenders,
    contender(
      names.restic,
      () => pipeline(backUpByRestic, [dump, restic.program], resticEnv),
      async () => {
        await rm(repository, { recursive: true, force: true });
        await runOk(restic.program, ["--quiet", "init"], { env: resticEnv });
      },
    ),
  ];
}

/** Reading back: needs a backup in the vault, and the same archive as a plain file at `archive`. */
export function verifyContenders(workspace: Workspace, compared: Compared, archive: string): Contender[] {
  const restore = join(workspace.server.binDir, "pg_restore");
  return [
    ...holdfastContenders(names.verify, "verify", compared),
    contender(names.bareRead, () => pipeline('"$1" --file=- "$2" > /dev/null', [restore, archive])),
    // The kernel discards writes to /dev/null unread; a pipe makes the tool send every byte.
    contender(names.pipedRead, () => pipeline('"$1" --file=- "$2" | cat > /dev/null', [restore, archive])),
  ];
}

/**
 * Restoring: the bare parts run in a server that is as fast and as throwaway as Holdfast's, and
 * that is already there: making it, checking and cleaning up count for Holdfast only.
 */
export function restoreContenders(
  workspace: Workspace,
  compared: Compared,
  archive: string,
  target: Workspace["server"],
): Contender[] {
  const at = (program: string): string => join(workspace.server.binDir, program);
  const script = '"$1" --jobs="$4" --dbname=bare "$3" && "$2" bare > /dev/null';
  return [
    ...holdfastContenders(names.restoreTest, "restore-test", compared),
    contender(
      names.bareRestore,
      () => pipeline(script, [at("pg_restore"), at("pg_dump"), archive, String(restoreJobs)], target.env),
      async () => {
        await target.sql("drop database if exists bare");
        await target.sql("create database bare template template0");
      },
    ),
  ];
}

/** A server for the bare restore, tuned like a throwaway. */
export const bareRestoreServer = {
  major: benchMajor,
  settings: {
    shared_buffers: "256MB",
    maintenance_work_mem: "256MB",
    wal_level: "minimal",
    max_wal_senders: 0,
    autovacuum: "off",
    max_wal_size: "8GB",
  },
} as const;
