/** The data directory of a throwaway server. */
import { chmod, chown, lchown, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { lastLines, runTool } from "../../../runtime/child-process.ts";
import type { ToolExit, ToolOptions } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { SandboxUser } from "../../../runtime/sandbox-user.ts";
import { findNamedUser, noAccount } from "./throwaway-account.ts";
import type { ServerSandbox } from "./throwaway-sandbox.ts";

export interface InitdbRequest {
  readonly program: string;
  readonly encoding: string;
  readonly superuser: string;
}

/** Holdfast's own directory for the server, and the one in it that the server writes in. */
export interface ServerDirectories {
  readonly directory: string;
  readonly data: string;
}

const options: readonly string[] = ["--auth=trust", "--locale=C", "--no-sync", "--no-instructions"];

/** So often, where the machine may have had no process or memory for it just then. */
const maxTries = 2;
const betweenTriesMs = 1000;

/**
 * Makes a data directory, `data` in `directories.data`, which belongs to the server's user in the
 * end. Errors: ThrowawayFailed with initdb's last lines; DiskFull; Interrupted.
 */
export async function makeDataDirectory(
  request: InitdbRequest,
  directories: ServerDirectories,
  server: ServerSandbox,
  context: RunContext,
): Promise<void> {
  const data = join(directories.data, "data");
  const how = await confineInitdb(directories, server);
  const args = ["-D", data, "-U", request.superuser, `--encoding=${request.encoding}`, ...options];
  for (let tries = 1; ; tries++) {
    const result = await runTool(request.program, args, { env: {}, signal: context.signal, cwd: "/", ...how });
    if (result.exitCode === 0) break;
    const error = initdbError(result, data);
    if (tries === maxTries || error.name === "DiskFull" || error.hint === noAccount.remedy) throw error;
    await rm(data, { recursive: true, force: true });
    await sleep(betweenTriesMs, undefined, { signal: context.signal }).catch(() => undefined);
  }
  if (server.user !== undefined) await giveTree(directories.data, server.user);
}

/**
 * initdb is given nothing of the backup's. It needs a shell, and an account with a name. In a
 * sandbox that a root makes it is the server's own user, whom it finds in a file of accounts of the
 * server's own: no process of another one counts against its limits. Without a sandbox it borrows
 * the account that owns nothing, with the group of the server's user, which lets it into the
 * directory and nobody else.
 */
async function confineInitdb(
  { directory, data }: ServerDirectories,
  { user, sandbox }: ServerSandbox,
): Promise<Pick<ToolOptions, "confinement" | "uid" | "gid">> {
  if (user === undefined) return {};
  if (sandbox.kind === "none") {
    const named = { uid: await findNamedUser(), gid: user.gid };
    await chown(data, named.uid, named.gid);
    return named;
  }
  const accounts = join(directory, "passwd");
  await writeFile(accounts, `holdfast:x:${user.uid}:${user.gid}::/:/bin/false\\n`, { mode: 0o644, flag: "wx" });
  await chmod(accounts, 0o644); // whatever the umask
  return { confinement: { sandbox, user, writable: [data], shell: true, accounts } };
}

/** Gives a tree that nobody else can reach to the user; links are not followed. */
async function giveTree(directory: string, user: SandboxUser): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await giveTree(path, user);
    else await lchown(path, user.uid, user.gid);
  }
  await lchown(directory, user.uid, user.gid);
}

function initdbError(exit: ToolExit, directory: string): HoldfastError {
  const how = exit.signal === undefined ? "" : `: it was ended by ${exit.signal}`;
  return serverError(`initdb could not make a data directory${how}`, lastLines(exit.stderr), directory);
}

/** The error of a server's program that ended badly, by its own last lines. */
export function serverError(message: string, lines: readonly string[], directory: string): HoldfastError {
  if (lines.some((line) => line.includes("No space left on device") || line.includes("Disk quota exceeded"))) {
    return new HoldfastError("DiskFull", `no room for a throwaway server in ${directory}`, { details: lines });
  }
  // As in a container that runs as a number (`docker run --user 1234`): initdb wants the user's
  // name.
  if (lines.some((line) => line.includes("could not look up effective user ID"))) {
    return new HoldfastError("ThrowawayFailed", noAccount.message, { details: lines, hint: noAccount.remedy });
  }
  return new HoldfastError("ThrowawayFailed", message, { details: lines });
}
