/**
 * The Node that the local cloud's functions run on: this one, where their unprivileged user can
 * reach it, else a copy.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";
import { canReach } from "./unprivileged-user.ts";

/** A path of this process's Node program that the unprivileged user of the servers may run. */
export function reachableNode(): string {
  if (canReach(dirname(process.execPath))) return process.execPath;
  const copy = join(cacheDirectory(), `node-${process.versions.node}`, "node");
  if (existsSync(copy)) return copy;
  mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
  const temporary = `${copy}-${process.pid}`;
  copyFileSync(process.execPath, temporary);
  renameSync(temporary, copy);
  return copy;
}
