/**
 * The program of run-confined.ts, where an ordinary user can run it: the checkout may lie where
 * only root can.
 */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { ensureBubblewrap } from "../../scripts/bubblewrap.ts";
import { findUnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import { runOk } from "./processes.ts";
import type { ConfinedAnswer, ConfinedRequest } from "./run-confined.ts";

/** Who runs it: root (when the tests run as root), or an ordinary user. */
export type Runner = "root" | "ordinary user";

export interface ConfinedProgram extends AsyncDisposable {
  run(runner: Runner, kind: string, request: ConfinedRequest, env?: Readonly<Record<string, string>>): Promise<ConfinedAnswer>;
  /** The user that `ordinary user` is. */
  readonly uid: number;
}

/** An account: initdb asks for its name. Undefined when this process is no root. */
const other = findUnprivilegedUser();

export const isRoot = other !== undefined;
export const runners: readonly Runner[] = isRoot ? ["root", "ordinary user"] : ["ordinary user"];

export async function makeConfinedProgram(): Promise<ConfinedProgram> {
  const directory = await mkdtemp(join(tmpdir(), "hf-confined-"));
  await runOk("chmod", ["755", directory]);
  const [program, node] = [join(directory, "run.mjs"), join(directory, "node")];
  await build({
    entryPoints: [join(import.meta.dirname, "run-confined.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: "error",
  });
  await copyFile(process.execPath, node);
  await runOk("chmod", ["755", node, program]);
  const bubblewrap = ensureBubblewrap();
  return {
    uid: other?.uid ?? process.getuid?.() ?? 0,
    async run(runner, kind, request, env = {}) {
      const switched = other !== undefined && runner !== "root";
      const as = switched ? ["setpriv", `--reuid=${other.uid}`, `--regid=${other.gid}`, "--clear-groups"] : [];
      const [command = "", ...args] = [...as, node, program, JSON.stringify(request)];
      const PATH = `${bubblewrap}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`;
      const answer = await runOk(command, args, { env: { PATH, HOLDFAST_SANDBOX: kind, ...env }, timeoutMs: 120_000, cwd: "/" });
      return JSON.parse(answer) as ConfinedAnswer;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
