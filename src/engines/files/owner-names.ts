/**
 * Names for user and group numbers, from this machine's own lists; for people only, so that a
 * missing one is no fault.
 */
import { readFile } from "node:fs/promises";

export interface OwnerNames {
  user(uid: number): string | undefined;
  group(gid: number): string | undefined;
}

/** Reads /etc/passwd and /etc/group; directory services are not asked. Never rejects. */
export async function readOwnerNames(): Promise<OwnerNames> {
  const [users, groups] = await Promise.all([readNames("/etc/passwd"), readNames("/etc/group")]);
  return { user: (uid) => users.get(uid), group: (gid) => groups.get(gid) };
}

async function readNames(path: string): Promise<Map<number, string>> {
  const names = new Map<number, string>();
  const text = await readFile(path, "latin1").catch(() => "");
  for (const line of text.split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    // What tar's field of 32 bytes holds whole; the first name of a number counts, as in
    // getpwuid(3).
    if (/^[\x21-\x7e]{1,31}$/.test(name) && /^\d+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}
