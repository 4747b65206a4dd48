/** The sandbox that PostgreSQL's programs run in when what they are given comes from a backup. */
import { dirname, join } from "node:path";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { runTool } from "../../../runtime/child-process.ts";
import { findSandbox } from "../../../runtime/find-sandbox.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Confinement, Sandbox } from "../../../runtime/sandbox.ts";
import { chooseSandboxUser, reserveServerUser, type SandboxUser } from "../../../runtime/sandbox-user.ts";

export type SandboxContext = Pick<RunContext, "environment" | "signal" | "sandbox">;

/** A sandbox, and the user of one run in it. */
export interface ServerSandbox {
  readonly sandbox: Sandbox;
  readonly user: SandboxUser | undefined;
  /** Lets another server have the user, once nothing of this one runs. Idempotent. */
  release(): void;
}

/**
 * The sandbox for a throwaway server, with a user of its own where Holdfast is root: PostgreSQL
 * refuses root, and no other process is to be this user.
 * Errors: ThrowawayFailed when the policy requires a sandbox and there is none, or when the user
 * cannot run `postgres`.
 */
export async function openServerSandbox(postgres: string, context: SandboxContext): Promise<ServerSandbox> {
  const sandbox = findSandbox({ program: postgres, environment: context.environment }, context.sandbox);
  if (context.sandbox === "required" && sandbox.kind === "none") {
    throw new HoldfastError("ThrowawayFailed", "the policy requires a sandbox for restore tests, and this machine offers none", {
      details: sandbox.refusals,
      hint: "Install bubblewrap (apt install bubblewrap), or allow user namespaces; `holdfast check` says what is missing.",
    });
  }
  const { user, release } = await reserveUser();
  if (sandbox.kind === "none" && user !== undefined && !(await canRun(postgres, user, context.signal))) {
    release();
    throw new HoldfastError("ThrowawayFailed", `a PostgreSQL server does not run as root, and no other user may run ${postgres}`, {
      details: sandbox.refusals,
      hint: "Make the directory of the PostgreSQL programs, and those above it, readable by everyone, or run Holdfast as an ordinary user.",
    });
  }
  return { sandbox, user, release };
}

async function reserveUser(): Promise<Pick<ServerSandbox, "user" | "release">> {
  try {
    return (await reserveServerUser()) ?? { user: undefined, release: () => {} };
  } catch (cause) {
    throw new HoldfastError("ThrowawayFailed", "no free user for a throwaway server", { cause });
  }
}

function chooseUser(): SandboxUser | undefined {
  try {
    return chooseSandboxUser("program");
  } catch (cause) {
    throw new HoldfastError("ThrowawayFailed", "no free user for a program that reads a backup", { cause });
  }
}

/** For programs that read an archive and print: nothing to see, nowhere to write. */
export async function archiveConfinement(program: string, context: SandboxContext): Promise<Confinement> {
  const sandbox = findSandbox({ program, environment: context.environment }, context.sandbox);
  const user = chooseUser();
  // Without a sandbox the programs may lie where no other user can run them.
  const usable = user !== undefined && (sandbox.kind !== "none" || (await canRun(program, user, context.signal)));
  return { sandbox, ...(usable ? { user } : {}) };
}

async function canRun(program: string, user: SandboxUser, signal: AbortSignal): Promise<boolean> {
  const key = join(dirname(program));
  const known = runnable.get(key);
  if (known !== undefined) return known;
  try {
    const result = await runTool(program, ["--version"], { env: {}, signal, uid: user.uid, gid: user.gid, cwd: "/" });
    // A failure may be this machine's, and gone the next time.
    if (result.exitCode === 0) runnable.set(key, true);
    return result.exitCode === 0;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

/** Directories whose programs other users may run. */
const runnable = new Map<string, true>();
