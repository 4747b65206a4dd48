/** Who runs the PostgreSQL servers of tests, demo and bench: they refuse to run as root. */
import { spawnSync } from "node:child_process";
import { userInfo } from "node:os";

/** The user that child processes switch to, in the form of spawn's options. */
export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Undefined when this process is not root and servers can run as itself; else `nobody`, whom every
 * system has.
 * Errors: a plain Error when there is no such user.
 */
export function findUnprivilegedUser(): UnprivilegedUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ["-u", "-g"].map((option) =>
    Number(spawnSync("id", [option, "nobody"], { encoding: "utf8" }).stdout || Number.NaN),
  );
  if (uid === undefined || gid === undefined || !Number.isInteger(uid) || !Number.isInteger(gid)) {
    throw new Error(
      "PostgreSQL servers do not run as root, and this system has no user nobody to run them as; run this as an ordinary user",
    );
  }
  return { uid, gid };
}

/**
 * Whether the servers' user can enter `directory` (a checkout below a home directory of mode 0700
 * is out of its reach).
 */
export function canReach(directory: string, user = findUnprivilegedUser()): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", directory], { cwd: "/", ...user, stdio: "ignore" }).status === 0;
}

/** This process's user id, or its name where the system has no ids. */
export function userKey(): string {
  return String(process.getuid?.() ?? userInfo().username);
}
