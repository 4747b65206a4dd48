/** The user that a throwaway server runs as: PostgreSQL refuses root. */
import { readFile } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { runTool } from "../../runtime/child-process.ts";

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** In the order of preference: the distribution's own account, then the one that owns nothing. */
const candidates: readonly string[] = ["postgres", "nobody"];

/**
 * Whom to run a server's programs as; undefined when this process is no superuser and runs them as itself.
 * Errors: ThrowawayFailed when there is no such account, or when it cannot run `program`.
 */
export async function findServerUser(program: string, signal: AbortSignal): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = parseAccounts(await readFile("/etc/passwd", "utf8").catch(() => ""));
  const found = candidates.map((name) => users.get(name)).filter((user) => user !== undefined);
  if (found.length === 0) {
    throw new HoldfastError(
      "ThrowawayFailed",
      "a PostgreSQL server does not run as root, and there is no user postgres or nobody",
      {
        hint: "Run Holdfast as an ordinary user, or create a user named postgres.",
      },
    );
  }
  for (const user of found) if (await canRun(program, user, signal)) return user;
  throw new HoldfastError("ThrowawayFailed", `the users ${found.map(({ name }) => name).join(" and ")} may not run ${program}`, {
    hint: "Make the directory of the PostgreSQL programs, and those above it, readable by everyone, or run Holdfast as an ordinary user.",
  });
}

function parseAccounts(passwd: string): ReadonlyMap<string, ServerUser> {
  const users = new Map<string, ServerUser>();
  for (const line of passwd.split("\n")) {
    const [name = "", , uid, gid] = line.split(":");
    if (Number(uid) > 0) users.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

async function canRun(program: string, user: ServerUser, signal: AbortSignal): Promise<boolean> {
  try {
    const result = await runTool(program, ["--version"], { env: {}, signal, uid: user.uid, gid: user.gid, cwd: "/" });
    return result.exitCode === 0;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}
