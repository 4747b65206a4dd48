/**
 * Finds the strongest sandbox that this machine offers, by trying each with the program that is to
 * run in it.
 */
import { spawnSync } from "node:child_process";
import { confine, missingFor, type Sandbox, type SandboxKind, sandboxKinds } from "./sandbox.ts";
import { findProgram } from "./sandbox-files.ts";
import { chooseSandboxUser } from "./sandbox-user.ts";

/** What the policy says: without one nothing is run; the best there is; none is wanted. */
export type SandboxWish = "required" | "preferred" | "none";

export interface SandboxSearch {
  /** A program of those that are to run in it, which answers `--version`. */
  readonly program: string;
  /** PATH, and HOLDFAST_SANDBOX: the kinds that may be used, with commas between them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * A program that only prints its version; on a machine that pages heavily it takes a while. A
 * weaker sandbox is no answer to a busy machine.
 */
const tryTimeoutMs = 60_000;
/** A try that fails for want of memory or processes says nothing of the sandbox. */
const maxTries = 3;
const betweenTriesMs = 500;

/** By everything that the answer depends on: a machine does not change while a process runs. */
const found = new Map<string, Sandbox>();

/**
 * The strongest kind in which the program runs; `none` always does. What this machine had no time,
 * memory or process for is looked for again the next time. Never throws.
 */
export function findSandbox(search: SandboxSearch, wish: SandboxWish = "preferred"): Sandbox {
  const allowed = wish === "none" ? "none" : (search.environment["HOLDFAST_SANDBOX"] ?? "");
  const key = JSON.stringify([search.program, allowed, search.environment["PATH"], process.getuid?.()]);
  const known = found.get(key);
  if (known !== undefined) return known;
  const { sandbox, lasting } = trySandboxes(
    search,
    allowed === "" ? sandboxKinds : sandboxKinds.filter((kind) => allowed.split(",").includes(kind)),
  );
  if (lasting) found.set(key, sandbox);
  return sandbox;
}

interface Tried {
  readonly sandbox: Sandbox;
  /** No stronger kind was passed over for a reason that may be gone the next time. */
  readonly lasting: boolean;
}

function trySandboxes({ program, environment }: SandboxSearch, kinds: readonly SandboxKind[]): Tried {
  let lasting = true;
  const asRoot = process.getuid?.() === 0;
  const path = environment["PATH"];
  const refusals: string[] = [];
  for (const kind of kinds) {
    if (kind === "none") break;
    const bubblewrap = kind === "bubblewrap" ? findProgram("bwrap", path) : undefined;
    const sandbox: Sandbox = { kind, asRoot, refusals, bubblewrap };
    const missing = missingFor(kind, asRoot, path);
    const refusal = missing === undefined ? tryAgain(program, sandbox) : { reason: missing, passing: false };
    if (refusal === undefined) return { sandbox, lasting };
    if (refusal.passing) lasting = false;
    refusals.push(refusal.reason);
  }
  return { sandbox: { kind: "none", asRoot, refusals }, lasting };
}

interface Refusal {
  readonly reason: string;
  /** This machine lacked time, memory or processes for it, and may have them later. */
  readonly passing: boolean;
}

function tryAgain(program: string, sandbox: Sandbox): Refusal | undefined {
  let refusal = tryRun(program, sandbox);
  for (let tries = 1; tries < maxTries && refusal?.passing === true; tries++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, betweenTriesMs);
    refusal = tryRun(program, sandbox);
  }
  return refusal;
}

const passing =
  /Resource temporarily unavailable|Cannot allocate memory|Cannot fork|Too many open files|EAGAIN|ENOMEM|EMFILE|ENFILE|ETIMEDOUT/;

/** Why the program does not run in it; undefined when it does. */
function tryRun(program: string, sandbox: Sandbox): Refusal | undefined {
  try {
    const launch = confine(program, ["--version"], { sandbox, user: chooseSandboxUser("program") });
    const { status, signal, stderr, error } = spawnSync(launch.command, launch.args, {
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      cwd: "/",
      timeout: tryTimeoutMs,
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (status === 0) return undefined;
    const how = signal === null ? `ended with status ${status}` : `was ended by ${signal}`;
    const reason = `${sandbox.kind}: ${error?.message ?? (stderr.trim().split("\n").at(-1) || how)}`;
    // 128 + 9: the sandbox says so of the program in it.
    return { reason, passing: signal === "SIGKILL" || status === 137 || passing.test(reason) || passing.test(stderr) };
  } catch (error) {
    const reason = `${sandbox.kind}: ${error instanceof Error ? error.message : String(error)}`;
    return { reason, passing: passing.test(reason) };
  }
}
