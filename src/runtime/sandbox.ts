/**
 * Where code that others wrote is run: definitions and archives of a backup are made by anyone who
 * could write in the source. A sandbox has no network, no process but its own, no file but the
 * programs and what it is given, and limits (docs/sandbox.md).
 */
import { realpathSync } from "node:fs";
import { bubblewrapArguments } from "./sandbox-bubblewrap.ts";
import { findProgram, shellPath, type Visible, visibleFiles } from "./sandbox-files.ts";
import { limitArguments } from "./sandbox-limits.ts";
import { namespaceArguments, namespaceTools } from "./sandbox-namespaces.ts";
import type { SandboxUser } from "./sandbox-user.ts";

/**
 * From the strongest: bubblewrap, namespaces that a script of Holdfast's own sets up, limits alone.
 */
export const sandboxKinds = ["bubblewrap", "namespaces", "none"] as const;
export type SandboxKind = (typeof sandboxKinds)[number];

export interface Sandbox {
  readonly kind: SandboxKind;
  /** `bwrap` by its absolute path, for bubblewrap. */
  readonly bubblewrap?: string | undefined;
  /** Whether the caller is root, and so runs others' code as a user of its own. */
  readonly asRoot: boolean;
  /** Why the stronger kinds are not used here, one sentence each. */
  readonly refusals: readonly string[];
}

/** One run in a sandbox: what it sees beside the programs. */
export interface Confinement extends Visible {
  readonly sandbox: Sandbox;
  /** As root: whom to run as. */
  readonly user?: SandboxUser | undefined;
  /** The root directory as its working directory, where absent. */
  readonly cwd?: string | undefined;
}

/** A command line that runs another one in a sandbox. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /**
   * Ends the sandbox with all its processes; a gentler signal may not reach them. Undefined: none
   * is needed.
   */
  readonly endingSignal?: "SIGKILL" | undefined;
}

/** The command line that runs `command` (an absolute path) under this confinement. */
export function confine(command: string, args: readonly string[], confinement: Confinement): Launch {
  const { sandbox, user } = confinement;
  const limited = (rest: readonly string[]): Launch => ({ command: "/bin/sh", args: [...limitArguments(user), ...rest] });
  if (sandbox.kind === "none") {
    const { command: shell, args: words } = limited([command, ...args]);
    return { command: shell, args: words, ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }) };
  }
  const program = realpathSync(command);
  const files = visibleFiles(program, confinement);
  const inside = [program, ...args];
  const wrapped =
    sandbox.kind === "bubblewrap"
      ? [sandbox.bubblewrap as string, ...bubblewrapArguments(files, user, confinement.cwd), "--", ...inside]
      : [...namespaceArguments(files, user, confinement.cwd), ...inside];
  return { ...limited(wrapped), endingSignal: "SIGKILL" };
}

/**
 * What a kind needs of this machine's programs; a sentence that says what is missing, or undefined.
 */
export function missingFor(kind: SandboxKind, asRoot: boolean, path: string | undefined): string | undefined {
  if (kind === "none") return undefined;
  if (process.platform !== "linux") return `${kind}: needs Linux`;
  const tools = kind === "bubblewrap" ? ["bwrap", ...(asRoot ? ["setpriv"] : [])] : namespaceTools;
  const missing = tools.filter((tool) => findProgram(tool, kind === "bubblewrap" ? path : undefined) === undefined);
  if (shellPath() === undefined) missing.push("/bin/sh");
  return missing.length === 0 ? undefined : `${kind}: ${missing.join(", ")} not installed`;
}
