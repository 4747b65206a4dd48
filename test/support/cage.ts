/**
 * A place like Lambda's sandbox, for a bundled function and PostgreSQL's programs (cage.sh). Linux
 * only, and nothing to fall back on elsewhere.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bundleFunctions } from "../../scripts/bundle-functions.ts";
import { type LambdaFunction, runtimeProgram, startFunction } from "./lambda-function.ts";
import { type RunResult, run } from "./processes.ts";

export interface Cage extends AsyncDisposable {
  /** Starts a function of those that were bundled. */
  start(name: string, env: NodeJS.ProcessEnv): Promise<LambdaFunction>;
  /** Runs a shell's script in it. */
  shell(script: string): Promise<RunResult>;
}

export interface CageOptions {
  readonly functions: readonly string[];
  /** PostgreSQL's programs; they appear as `toolPath`. */
  readonly binDir: string;
  /** Default: Lambda's user; 12345 has no name. */
  readonly uid?: number;
}

/** Where a caged function finds PostgreSQL's programs. */
export const toolPath = "/opt/postgres/bin";
/** `id` in a function of Lambda's Amazon Linux 2023 runtimes: uid=993(sbx_user1051) gid=990. */
export const lambdaUid = 993;
/** A user that /etc/passwd does not know. */
export const namelessUid = 12_345;

export async function openCage({ functions, binDir, uid = lambdaUid }: CageOptions): Promise<Cage> {
  const directory = await mkdtemp(join(tmpdir(), "hf-cage-"));
  const [root, task] = [join(directory, "root"), join(directory, "task")];
  mkdirSync(root);
  mkdirSync(task);
  await bundleFunctions(functions, task);
  copyFileSync(runtimeProgram, join(task, "runtime.ts"));
  const program = join(import.meta.dirname, "cage.sh");
  const wrapper = [program, root, task, process.execPath, dirname(binDir), String(uid)] as const;
  const outside = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
  return {
    start: (name, env) =>
      startFunction({
        module: `/var/task/${name}.mjs`,
        env: { ...env, PATH: `${env["PATH"] ?? ""}:/usr/sbin:/sbin` },
        wrapper: [...wrapper],
        node: "/var/lang/bin/node",
        runtime: "/var/task/runtime.ts",
      }),
    shell: (script) => {
      const [command, ...args] = wrapper;
      return run(command, [...args, "/bin/sh", "-c", script], { env: outside });
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
