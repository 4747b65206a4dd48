/**
 * A cage that has nothing of this machine's programs and libraries but glibc, libstdc++, a shell
 * and Node: what runs in it besides comes from the layer (bare-cage.sh). Linux only.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFunctions } from "../../scripts/bundle-functions.ts";
import type { Cage } from "./cage.ts";
import { runtimeProgram, startFunction } from "./lambda-function.ts";
import { run } from "./processes.ts";

export interface BareCageOptions {
  readonly functions: readonly string[];
  /** The unpacked layer; it appears as `/opt`. */
  readonly layer: string;
}

/** What a function finds as its environment beside its own. */
const inside = { PATH: "/bin" };

export async function openBareCage({ functions, layer }: BareCageOptions): Promise<Cage> {
  const directory = await mkdtemp(join(tmpdir(), "hf-bare-"));
  const [root, task] = [join(directory, "root"), join(directory, "task")];
  mkdirSync(root);
  mkdirSync(task);
  await bundleFunctions(functions, task);
  copyFileSync(runtimeProgram, join(task, "runtime.ts"));
  const wrapper = [join(import.meta.dirname, "bare-cage.sh"), root, task, process.execPath, layer] as const;
  const outside = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
  return {
    start: (name, env) =>
      startFunction({
        module: `/var/task/${name}.mjs`,
        env: { ...env, PATH: outside.PATH },
        wrapper: [...wrapper],
        node: "/var/lang/bin/node",
        runtime: "/var/task/runtime.ts",
      }),
    shell: (script) => {
      const [command, ...args] = wrapper;
      return run(command, [...args, "/bin/sh", "-c", `PATH=${inside.PATH}; ${script}`], { env: outside });
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
