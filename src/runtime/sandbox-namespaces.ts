/**
 * A sandbox by the kernel's namespaces and the tools of util-linux, where bubblewrap is not
 * installed.
 */
import { existsSync } from "node:fs";
import { becomeUser } from "./sandbox-bubblewrap.ts";
import { parentsOf, type SandboxFiles } from "./sandbox-files.ts";
import type { SandboxUser } from "./sandbox-user.ts";

export const namespaceTools: readonly string[] = ["unshare", "mount", "umount", "pivot_root", "setpriv"];

/**
 * Runs as the first process of the new namespaces, as their root. $1: an existing directory to
 * build the new root on; then words of an instruction and its arguments, up to `run` and the
 * command.
 * In a user namespace flags that the outer mount has may not be taken away, so each mount names all
 * of them.
 */
const script = `
set -eu
root=$1; shift
mount -t tmpfs -o mode=755,size=4m,nosuid,nodev holdfast "$root"
cd "$root"
mkdir old proc dev .tools
cp "$(command -v setpriv)" "$(command -v umount)" "$(command -v unshare)" .tools/
ln -s /proc/self/fd dev/fd
while [ "$1" != run ]; do
  case $1 in
    directories) shift; n=$1; shift; list=; i=0
      while [ $i -lt "$n" ]; do mkdir -p "./$1"; shift; i=$((i + 1)); done ;;
    link) ln -s "$3" "./$2"; shift 3 ;;
    program|readable|writable)
      if [ -d "$2" ]; then [ -d "./$3" ] || mkdir "./$3"; else : > "./$3"; fi
      case $1 in program) flags=ro ;; readable) flags=ro,noexec ;; writable) flags=noexec ;; esac
      mount --rbind -o "$flags,nosuid,nodev" "$2" "./$3"; shift 3 ;;
  esac
done
shift
for device in null zero random urandom; do : > dev/$device; mount --bind /dev/$device dev/$device; done
mount -t proc -o nosuid,nodev,noexec proc proc
mount -o remount,bind,ro,nosuid,nodev "$root"
pivot_root . old
cd /
/.tools/umount -l /old
cd "$1"; shift
exec "$@"
`;

/**
 * Directories that every system has: the new root is built on one, which then hides what is in it.
 */
const foundations: readonly string[] = ["/mnt", "/media", "/srv", "/opt", "/home", "/boot", "/var/empty"];

/** The whole command line up to the program. */
export function namespaceArguments(files: SandboxFiles, user: SandboxUser | undefined, cwd = "/"): string[] {
  const mounts = [
    ...files.programs.map((path) => ({ how: "program", from: path, to: path })),
    ...files.renamed.map(({ from, to }) => ({ how: "program", from, to })),
    ...files.readable.map((path) => ({ how: "readable", from: path, to: path })),
    ...files.writable.map((path) => ({ how: "writable", from: path, to: path })),
  ];
  const used = mounts.map(({ from }) => from);
  const free = foundations.filter((path) => existsSync(path) && !used.some((other) => `${other}/`.startsWith(`${path}/`)));
  const parents = parentsOf(mounts.map(({ to }) => to));
  const inside = [
    ...["directories", String(parents.length), ...parents],
    ...files.links.flatMap(({ path, target }) => ["link", path, target]),
    ...mounts.flatMap(({ how, from, to }) => [how, from, to]),
    "run",
    cwd,
  ];
  const own = user === undefined ? ["--user", "--map-root-user"] : [];
  const kinds = ["--mount", "--pid", "--net", "--ipc", "--uts", "--propagation", "private", "--fork", "--kill-child=KILL"];
  return [
    ...["setpriv", "--pdeathsig=KILL", "--", "unshare", ...own, ...kinds, "--", "/bin/sh", "-c", script, "holdfast-sandbox"],
    free[0] ?? "/mnt",
    ...inside,
    ...(user === undefined ? becomeCaller() : ["/.tools/setpriv", ...becomeUser(user), "--pdeathsig=KILL"]),
  ];
}

/** In a namespace where the caller is itself, and not root: PostgreSQL's server refuses root. */
function becomeCaller(): string[] {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const namespace = ["/.tools/unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"];
  // It has no rights in that namespace, and so none to take from its bounding set; it gets none by
  // no-new-privs.
  return [...namespace, "/.tools/setpriv", "--inh-caps=-all", "--no-new-privs", "--pdeathsig=KILL"];
}
