/**
 * The user that others' code is run as when Holdfast is root: one of its own, who owns nothing and
 * runs nothing else.
 */
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

export interface SandboxUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * What a user is for. A server's user is its own until the server has ended, and then everything
 * that runs as that user is ended too: it is never one that a program of another run may be.
 */
export type UserPurpose = "server" | "program";

/**
 * Users nobody else is: a range that no distribution and no container runtime hands out (systemd:
 * "Users, Groups, UIDs and GIDs", 1879048192 to 2147352575 unused); and one for user namespaces
 * that know 65,536 users only (60706 to 61183 unused).
 */
const userRanges: readonly { readonly first: number; readonly count: number }[] = [
  { first: 1_900_000_000, count: 1_000_000 },
  { first: 60_706, count: 478 },
];

/** Tries so many users before giving up: all but a few are free. */
const maxUserTries = 100;

/**
 * A user that no account has and no process runs as; undefined for an ordinary caller, who can be
 * nobody else. Servers are even numbers, programs odd ones.
 * Errors: a plain Error when there is none.
 */
export function chooseSandboxUser(purpose: UserPurpose): SandboxUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const taken = takenUsers();
  const range = userRanges.find(({ first, count }) => isMapped(first + count)) ?? { first: 60_706, count: 478 };
  const odd = purpose === "program" ? 1 : 0;
  for (let tries = 0; tries < maxUserTries; tries++) {
    const uid = range.first + 2 * randomInt(range.count / 2) + odd;
    if (!taken.has(uid)) return { uid, gid: uid };
  }
  throw new Error("every user of the sandbox's range has an account or a process");
}

export interface ReservedUser {
  readonly user: SandboxUser;
  /** Lets another server have the user. Idempotent. */
  release(): void;
}

/**
 * A user for a server, which no other server of this machine can choose until it is released or
 * this process ends: two that chose at the same moment would end each other's processes. Undefined
 * for an ordinary caller. Errors: a plain Error when there is none.
 */
export async function reserveServerUser(choose = () => chooseSandboxUser("server")): Promise<ReservedUser | undefined> {
  for (let tries = 0; tries < maxUserTries; tries++) {
    const user = choose();
    if (user === undefined) return undefined;
    const release = await claim(`holdfast-sandbox-user-${user.uid}`);
    if (release !== undefined) return { user, release };
  }
  throw new Error("every user of the sandbox's range is reserved by another server");
}

/**
 * Claims a name by an abstract socket: the kernel gives it to one process only, and takes it back
 * when that ends, however it ends. Undefined: another one has it.
 */
function claim(name: string): Promise<(() => void) | undefined> {
  // Nobody is to connect, and anyone who does learns nothing.
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ path: `\0${name}` }, () => resolve(() => void server.close()));
  });
}

/** Users with an account in /etc/passwd or /etc/group, and those that processes run as. */
function takenUsers(): ReadonlySet<number> {
  const taken = new Set<number>();
  for (const file of ["/etc/passwd", "/etc/group"]) {
    for (const line of readQuietly(file).split("\n")) taken.add(Number(line.split(":")[2]));
  }
  for (const pid of listQuietly("/proc").filter((name) => /^\d+$/.test(name))) {
    const ids = /^Uid:\t(.*)$/m.exec(readQuietly(`/proc/${pid}/status`))?.[1];
    for (const id of ids?.split("\t") ?? []) taken.add(Number(id));
  }
  return taken;
}

/** Whether this user namespace knows the user: in a container it may know the first 65,536 only. */
function isMapped(uid: number): boolean {
  const lines = readQuietly("/proc/self/uid_map").trim().split("\n");
  if (lines.join("") === "") return true;
  return lines.some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return uid >= first && uid < first + count;
  });
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function listQuietly(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
