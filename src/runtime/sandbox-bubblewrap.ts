/** A sandbox by bubblewrap (`bwrap`), 0.4 or later. */
import { findProgram, parentsOf, type SandboxFiles } from "./sandbox-files.ts";
import type { SandboxUser } from "./sandbox-user.ts";

/** Where the program that changes the user lies in the sandbox. */
const setprivInside = "/.setpriv";

/**
 * bwrap's arguments up to `--`. As root it makes no user namespace, and the program becomes `user`;
 * for anyone else it makes one, in which the caller is itself and can become nobody.
 */
export function bubblewrapArguments(files: SandboxFiles, user: SandboxUser | undefined, cwd = "/"): string[] {
  const namespaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"];
  const mounted = [...files.programs, ...files.readable, ...files.writable];
  const targets = [...mounted, ...files.renamed.map(({ to }) => to)];
  return [
    ...(user === undefined ? ["--unshare-user"] : []),
    ...namespaces,
    "--die-with-parent",
    "--new-session",
    // Directories that bwrap makes by itself are closed to other users.
    ...parentsOf(targets).flatMap((path) => ["--dir", path]),
    ...files.links.flatMap(({ path, target }) => ["--symlink", target, path]),
    ...[...files.programs, ...files.readable].flatMap((path) => ["--ro-bind", path, path]),
    ...files.renamed.flatMap(({ from, to }) => ["--ro-bind", from, to]),
    ...files.writable.flatMap((path) => ["--bind", path, path]),
    ...(user === undefined ? [] : ["--ro-bind", findProgram("setpriv", undefined) as string, setprivInside]),
    ...["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", cwd],
    ...(user === undefined ? [] : ["--", setprivInside, ...becomeUser(user)]),
  ];
}

/** setpriv's arguments: another user, for good, with no right to anything and no way to get one. */
export function becomeUser(user: SandboxUser): string[] {
  const rights = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"];
  return [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", ...rights];
}
