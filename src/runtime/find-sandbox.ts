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

/** A program that only prints its version; on a machine that pages heavily it takes a while. */
const tryTimeoutMs = 20_000;

/** By everything that the answer depends on: a machine does not change while a process runs. */
const found = new Map<string, Sandbox>();

/** The strongest kind in which the program runs; `none` always does. Never throws. */
export function findSandbox(search: SandboxSearch, wish: SandboxWish = "preferred"): Sandbox {
  const allowed = wish === "none" ? "none" : (search.environment["HOLDFAST_SANDBOX"] ?? "");
  const key = JSON.stringify([search.program, allowed, search.environment["PATH"], process.getuid?.()]);
  const known = found.get(key);
  if (known !== undefined) return known;
  const sandbox = trySandboxes(
    search,
    allowed === "" ? sandboxKinds : sandboxKinds.filter((kind) => allowed.split(",").includes(kind)),
  );
  found.set(key, sandbox);
  return sandbox;
}

function trySandboxes({ program, environment }: SandboxSearch, kinds: readonly SandboxKind[]): Sandbox {
  const asRoot = process.getuid?.() === 0;
  const path = environment["PATH"];
  const refusals: string[] = [];
  for (const kind of kinds) {
    if (kind === "none") break;
    const bubblewrap = kind === "bubblewrap" ? findProgram("bwrap", path) : undefined;
    const sandbox: Sandbox = { kind, asRoot, refusals, bubblewrap };
    const refusal = missingFor(kind, asRoot, path) ?? tryRun(program, sandbox);
    if (refusal === undefined) return sandbox;
    refusals.push(refusal);
  }
  return { kind: "none", asRoot, refusals };
}

/** Why the program does not run in it; undefined when it does. */
function tryRun(program: string, sandbox: Sandbox): string | undefined {
  try {
    const launch = confine(program, ["--version"], { sandbox, user: chooseSandboxUser() });
    const { status, stderr, error } = spawnSync(launch.command, launch.args, {
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      cwd: "/",
      timeout: tryTimeoutMs,
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (status === 0) return undefined;
    return `${sandbox.kind}: ${error?.message ?? (stderr.trim().split("\n").at(-1) || `ended with status ${status}`)}`;
  } catch (error) {
    return `${sandbox.kind}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
