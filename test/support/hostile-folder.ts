/**
 * What anyone who can write to a folder vault can put there: links, pipes, sockets, directories,
 * huge files, in the way of anything.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const oddKinds = [
  "link to a file",
  "link to a directory",
  "link to nowhere",
  "link to a device",
  "pipe",
  "socket",
  "directory",
  "empty file",
  "random bytes",
  "huge file",
  "nested lists",
  "unreadable file",
] as const;
export type OddKind = (typeof oddKinds)[number];

/** A directory beside the vault that nothing may touch. */
export interface Outside extends AsyncDisposable {
  readonly directory: string;
  /** Changes with every file below, its content, its mode and its time. */
  fingerprint(): Promise<string>;
}

export async function makeOutside(): Promise<Outside> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-outside-"));
  await mkdir(join(directory, "keys"));
  await writeFile(join(directory, "keys", "main.key"), "the only key", { mode: 0o600 });
  await writeFile(join(directory, "secret"), "secret");
  // Old enough for whatever removes old files.
  execFileSync("find", [directory, "-exec", "touch", "-d", "2020-01-01", "{}", "+"]);
  return {
    directory,
    async fingerprint() {
      const hash = createHash("sha256");
      for (const entry of (await readdir(directory, { recursive: true, withFileTypes: true })).sort((a, b) =>
        a.name < b.name ? -1 : 1,
      )) {
        const path = join(entry.parentPath, entry.name);
        const { mode, mtimeMs } = await lstat(path);
        hash.update(`${path} ${mode} ${mtimeMs} ${entry.isFile() ? await readFile(path, "utf8") : ""}\n`);
      }
      return hash.digest("hex");
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/**
 * Puts `kind` at `path`, instead of what is there; not where a link that was planted above it leads
 * out, into the directory `outside`.
 */
export async function plant(kind: OddKind, path: string, outside: string): Promise<void> {
  if (`${path}/`.startsWith(`${outside}/`)) throw new Error(`${path} lies in ${outside}: nothing would be planted`);
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch {
    return; // Something odd was planted above it.
  }
  if (`${await realpath(dirname(path))}/`.startsWith(`${await realpath(outside)}/`)) return; // A link was.
  await rm(path, { recursive: true, force: true });
  switch (kind) {
    case "link to a file":
      return symlink(join(outside, "secret"), path);
    case "link to a directory":
      return symlink(join(outside, "keys"), path);
    case "link to nowhere":
      return symlink(join(outside, "nothing", "there"), path);
    case "link to a device":
      return symlink("/dev/zero", path);
    case "pipe":
      execFileSync("mkfifo", [path]);
      return;
    case "socket":
      return makeSocket(path);
    case "directory":
      await mkdir(path);
      return;
    case "empty file":
      return writeFile(path, "");
    case "random bytes":
      return writeFile(path, createHash("sha512").update(path).digest());
    case "huge file":
      await writeFile(path, "{");
      return truncate(path, 2 ** 40).catch(() => truncate(path, 2 ** 33)); // Sparse: it takes no space.
    case "nested lists":
      return writeFile(path, "[".repeat(200_000));
    case "unreadable file":
      await writeFile(path, "{}");
      return chmod(path, 0o000);
  }
}

/**
 * Its file stays when the server has gone, as long as that did not unlink it: a process that was
 * killed leaves one.
 */
function makeSocket(path: string): Promise<void> {
  if (path.length > 100) return writeFile(path, "");
  const code = "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
  try {
    execFileSync("python3", ["-c", code, path]);
    return Promise.resolve();
  } catch {
    return new Promise((resolve, reject) => {
      const server = createServer().on("error", reject);
      server.listen(path, () => {
        server.unref();
        resolve();
      });
    });
  }
}
