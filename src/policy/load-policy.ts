/** Reads the policy's file. */
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { EnginePolicies } from "./engine-policy.ts";
import { parsePolicy } from "./parse-policy.ts";
import type { Policy } from "./policy.ts";

export interface LoadOptions {
  /** The user's home directory, for `~`; when absent, a path with `~` is a problem. */
  readonly home?: string | undefined;
  /** How errors name the file; the path as given when absent. */
  readonly displayName?: string;
  /** The engines that its sources may name; Holdfast's own when absent. */
  readonly engines?: EnginePolicies;
}

/**
 * Loads and validates the policy at `path`; relative paths in it begin at its own directory.
 * Errors: PolicyNotFound (no such file, or it cannot be read), PolicyInvalid.
 */
export async function loadPolicy(path: string, options: LoadOptions = {}): Promise<Policy> {
  const name = options.displayName ?? path;
  const bytes = await readBytes(path, name);
  const { displayName: _, ...rest } = options;
  return parsePolicy(decode(bytes, name), name, { file: resolve(path), directory: dirname(resolve(path)), ...rest });
}

/** More than any policy has (check-text.ts), whatever its characters. */
const maxBytes = 4_194_304;
const chunkBytes = 262_144;

async function readBytes(path: string, name: string): Promise<Uint8Array> {
  try {
    return await readAtMost(path, maxBytes + 1);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new HoldfastError("PolicyNotFound", `there is no policy at ${name}`, { cause: error });
    if (code === "EISDIR") {
      throw new HoldfastError("PolicyNotFound", `${name} is a directory`, {
        cause: error,
        hint: "Name the policy's file with --policy.",
      });
    }
    const reason = code === "EACCES" || code === "EPERM" ? "permission denied" : String(code ?? error);
    throw new HoldfastError("PolicyNotFound", `the policy ${name} cannot be read: ${reason}`, {
      cause: error,
      hint: "Make the file readable for this user.",
    });
  }
}

/** Up to `limit` bytes: a device gives bytes without end. */
async function readAtMost(path: string, limit: number): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const chunks: Buffer[] = [];
  for (let length = 0; length < limit; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(chunkBytes, limit - length)));
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

/**
 * Strict: a byte that is no UTF-8 would be replaced silently, and the hash would not be the file's.
 */
function decode(bytes: Uint8Array, name: string): string {
  if (bytes.length > maxBytes) {
    const detail = `${name}:1:1: the file is larger than ${maxBytes} bytes; is it a policy?`;
    throw new HoldfastError("PolicyInvalid", `${name} has one problem`, { details: [detail] });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const detail = `${name}:1:1: the file is not UTF-8 text; save it as UTF-8`;
    throw new HoldfastError("PolicyInvalid", `${name} has one problem`, { cause: error, details: [detail] });
  }
}
