/**
 * The files that a sandbox shows: libraries and what PostgreSQL's programs read, and nothing of
 * anybody's.
 */
import { accessSync, constants, existsSync, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a run in a sandbox sees beside the programs. */
export interface Visible {
  /** Files and directories that it may read. */
  readonly readable?: readonly string[] | undefined;
  /** Directories that it may write in; nothing in them can be run. */
  readonly writable?: readonly string[] | undefined;
  /**
   * Has a shell and the names of users: for programs that need them and are given nothing hostile.
   */
  readonly shell?: boolean | undefined;
  /** A file that it sees as /etc/passwd, instead of the machine's, beside a shell. */
  readonly accounts?: string | undefined;
}

export interface SandboxFiles {
  /** Symbolic links of the system's root, as `lib -> usr/lib`. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Read-only, may be run. */
  readonly programs: readonly string[];
  /** One file under another name. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  /** Read-only, cannot be run. */
  readonly readable: readonly string[];
  /** Can be written, cannot be run. */
  readonly writable: readonly string[];
}

/** Directories of libraries, and of data that programs share. Nothing secret lies in them. */
const systemDirectories: readonly string[] = [
  "/usr/lib",
  "/usr/lib32",
  "/usr/lib64",
  "/usr/libx32",
  "/usr/libexec",
  "/usr/share",
  "/usr/local/lib",
  "/usr/local/lib64",
  "/usr/local/share",
  "/nix/store",
  "/gnu/store",
  "/home/linuxbrew/.linuxbrew",
];
/** Links to the above where /usr is merged, else directories. */
const rootDirectories: readonly string[] = ["/lib", "/lib32", "/lib64", "/libx32"];
/** What the loader, OpenSSL and Debian's extensions and dictionaries read. No keys. */
const systemFiles: readonly string[] = [
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/ld-musl-x86_64.path",
  "/etc/ld-musl-aarch64.path",
  "/etc/alternatives",
  "/etc/ssl/openssl.cnf",
  "/etc/pki/tls/openssl.cnf",
  "/etc/crypto-policies",
  "/var/cache/postgresql/dicts",
];
/** Beside a program's directory, in an installation of its own. */
const installationDirectories: readonly string[] = ["lib", "lib64", "share", "libexec"];

/** The shell's own file, behind the links. */
export function shellPath(): string | undefined {
  try {
    return realpathSync("/bin/sh");
  } catch {
    return undefined;
  }
}

/** What the program at this path, behind all links, sees there. */
export function visibleFiles(program: string, visible: Visible): SandboxFiles {
  const directory = dirname(program);
  const installation = installationDirectories.map((name) => join(dirname(directory), name));
  const links = rootDirectories.filter(isLink).map((path) => ({ path, target: readlinkSync(path) }));
  const linked = new Set(links.map(({ path }) => path));
  const roots = rootDirectories.filter((path) => !linked.has(path));
  const shell = visible.shell === true ? shellPath() : undefined;
  const named = visible.accounts === undefined ? ["/etc/passwd"] : [];
  const accounts = shell === undefined ? [] : [...named, "/etc/group"];
  const wanted = [...systemDirectories, ...roots, directory, ...installation, ...systemFiles, ...accounts];
  return {
    links,
    programs: withoutNested(wanted.filter((path) => existsSync(path))),
    renamed: [
      ...(shell === undefined ? [] : [{ from: shell, to: "/bin/sh" }]),
      ...(visible.accounts === undefined ? [] : [{ from: visible.accounts, to: "/etc/passwd" }]),
    ],
    readable: visible.readable ?? [],
    writable: visible.writable ?? [],
  };
}

/** Directories that lie in another one of the list are there with it. */
function withoutNested(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && path.startsWith(`${other}/`)));
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** The directories above these paths, outermost first, each once. */
export function parentsOf(paths: readonly string[]): string[] {
  const parents = new Set<string>();
  for (const path of paths) {
    const parts = dirname(path)
      .split("/")
      .filter((part) => part !== "");
    for (let depth = 1; depth <= parts.length; depth++) parents.add(`/${parts.slice(0, depth).join("/")}`);
  }
  return [...parents].sort((a, b) => a.length - b.length);
}

/**
 * The program of this name, in the directories of PATH and where systems keep theirs; undefined
 * when there is none.
 */
export function findProgram(name: string, path: string | undefined): string | undefined {
  const directories = [...(path ?? "").split(":"), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
  return directories
    .filter((directory) => directory.startsWith("/"))
    .map((directory) => join(directory, name))
    .find((file) => isExecutable(file));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
