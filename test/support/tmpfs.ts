/** A disk that is small, to be filled up: a tmpfs of its own, gone with this process. */
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, runOk } from "./processes.ts";
import { startSupervisor } from "./supervisor.ts";

export interface SmallDisk extends AsyncDisposable {
  /** A directory on it, writable by this process and its children. */
  readonly path: string;
  /** Makes it read-only, for everybody, or writable again. */
  setWritable(writable: boolean): Promise<void>;
  /** Unmounts it; also done at the end of this process, however it ends. Idempotent. */
  remove(): Promise<void>;
}

/**
 * Mounts a tmpfs of `bytes`: directly as root, else in a namespace of its own, where /proc leads to
 * it. Errors: a plain Error when the system allows neither.
 */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), "hf-disk-"));
  const options = `size=${bytes},mode=0777`;
  const mounted = await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
  if (mounted.code !== 0) return mountInNamespace(directory, options, mounted.stderr);
  const supervisor = startSupervisor('umount -l "$1"; rmdir "$1"', [directory]);
  const setWritable = async (writable: boolean): Promise<void> => {
    await runOk("mount", ["-o", `remount,bind,${writable ? "rw" : "ro"}`, directory]);
  };
  return { path: directory, setWritable, remove: supervisor.dismiss, [Symbol.asyncDispose]: supervisor.dismiss };
}

async function mountInNamespace(directory: string, options: string, why: string): Promise<SmallDisk> {
  const script = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo ready && read -r _';
  const holder = spawn("unshare", ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", script, "sh", options, directory], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ready = await new Promise<boolean>((resolve) => {
    holder.once("error", () => resolve(false));
    holder.once("close", () => resolve(false));
    holder.stdout.once("data", () => resolve(true));
  });
  if (!ready) throw new Error(`a small disk is needed and neither mount nor unshare may make one: ${why.trim()}`);
  const remove = async (): Promise<void> => {
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    const ended = new Promise((resolve) => holder.once("close", resolve));
    holder.stdin.end();
    await ended;
    await runOk("rmdir", [directory]);
  };
  const setWritable = async (writable: boolean): Promise<void> => {
    const inside = ["--target", `${holder.pid}`, "--user", "--mount", "--preserve-credentials"];
    await runOk("nsenter", [...inside, "mount", "-o", `remount,bind,${writable ? "rw" : "ro"}`, directory]);
  };
  return { setWritable, path: `/proc/${holder.pid}/root${directory}`, remove, [Symbol.asyncDispose]: remove };
}
