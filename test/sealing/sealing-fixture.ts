/**
 * What the sealing tests share: keys in a private directory, and sealing and opening whole buffers.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { openKeys, type SealingKeys } from "../../src/sealing/keys.ts";
import type { SealContext } from "../../src/sealing/message.ts";
import { openStream } from "../../src/sealing/open.ts";
import { type SealFigures, sealStream } from "../../src/sealing/seal.ts";

export const now = new Date("2026-11-20T02:00:00.000Z");

export const vaultId = "0123456789abcdefghjkmnpqrs";
export const context: SealContext = {
  vaultId,
  source: "taskmaster",
  backupId: "20261120T020000Z-full-7k3f9a",
  artifact: "archive.dump",
};

export const neverAborted = new AbortController().signal;

export interface KeyPlace {
  readonly directory: string;
  /** Makes a key file and returns its path. */
  makeKey(name: string): Promise<{ path: string; keyId: string }>;
  remove(): Promise<void>;
}

export async function makeKeyPlace(): Promise<KeyPlace> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-sealing-"));
  return {
    directory,
    async makeKey(name) {
      const path = join(directory, name);
      const { keyId } = await createKeyFile(path, { randomBytes, now });
      return { path, keyId };
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export function keysOfFiles(first: string, ...others: string[]): Promise<SealingKeys> {
  return openKeys({
    name: "main",
    keys: [{ type: "file", path: first }, ...others.map((path) => ({ type: "file", path }) as const)],
  });
}

/** A stream of `bytes` in pieces of `size`. */
export function streamOf(bytes: Uint8Array, size = 64 * 1024): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );
}

export interface SealedBytes {
  readonly bytes: Buffer;
  readonly figures: SealFigures;
}

export async function seal(
  plain: Uint8Array,
  options: { keys: SealingKeys; context?: SealContext; compress?: boolean; size?: number },
): Promise<SealedBytes> {
  const sealed = sealStream(streamOf(plain, options.size), {
    keys: options.keys,
    context: options.context ?? context,
    compress: options.compress ?? false,
    signal: neverAborted,
  });
  const bytes = await collect(sealed.body);
  return { bytes, figures: await sealed.figures };
}

export async function open(
  bytes: Uint8Array,
  figures: SealFigures,
  options: { keys: SealingKeys; context?: SealContext; size?: number },
): Promise<Buffer> {
  return collect(
    openStream(streamOf(bytes, options.size), figures, {
      keys: options.keys,
      context: options.context ?? context,
      isPlain: (sha256) => sha256 === figures.plainSha256,
      signal: neverAborted,
    }),
  );
}

export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * The error's name in the catalogue and its message, or what the promise resolved with when it
 * should have failed.
 */
export async function failureOf(promise: Promise<unknown>): Promise<{ name: string; message: string; details: readonly string[] }> {
  try {
    const value = await promise;
    return { name: "resolved", message: String(value).slice(0, 80), details: [] };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message, details: (error as { details?: readonly string[] }).details ?? [] };
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The record of an attacker who can write the manifest too, but has no key. */
export function forged(figures: SealFigures, bytes: Uint8Array): SealFigures {
  return { ...figures, storedBytes: bytes.length, storedSha256: sha256(bytes) };
}

export function flipped(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

/**
 * Where the parts begin of a message that holds 2 MiB and 1000 bytes, not compressed: its header,
 * and frames of 4 + 12 + 1 MiB + 16 bytes.
 */
export function partsOf({ bytes }: SealedBytes): Record<string, number> {
  const frame = 1024 * 1024;
  const headerBytes = bytes.length - 2 * (4 + 12 + frame + 16) - (4 + 4 + 12 + 4 + 1000 + 16);
  const second = headerBytes + 4 + 12 + frame + 16;
  const last = second + 4 + 12 + frame + 16;
  return {
    version: 0,
    suite: 1,
    messageId: 3,
    contextLength: 35,
    contextText: 45,
    wrappedKey: headerBytes - 16 - 32 - 4 - 1 - 10,
    contentType: headerBytes - 16 - 32 - 4 - 1,
    frameLength: headerBytes - 16 - 32 - 4,
    commitment: headerBytes - 16 - 32,
    headerTag: headerBytes - 16,
    sequenceNumber: second + 3,
    iv: second + 4,
    firstByte: headerBytes + 16,
    middleByte: second + 16 + frame / 2,
    lastByteOfFrame: last - 17,
    frameTag: last - 1,
    finalMark: last,
    finalSequence: last + 7,
    finalIv: last + 8,
    finalLength: last + 23,
    finalByte: last + 24,
    finalTag: bytes.length - 1,
  };
}
