/** The content of a large file on its way into the archive. */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { errorCode } from "../../runtime/error-code.ts";
import type { TornReason } from "./entry.ts";
import { pooledOperations } from "./file-operations.ts";
import { isSameState, readChunks } from "./read-file.ts";

const zeros = Buffer.alloc(262_144);

/** Exactly as many bytes as the header has announced, whatever becomes of the file meanwhile. */
export async function* writeContent(
  fd: number,
  before: BigIntStats,
): AsyncGenerator<Buffer, { sha256: string; torn: TornReason | undefined }> {
  const size = Number(before.size);
  const digest = createHash("sha256");
  let torn: TornReason | undefined;
  let written = 0;
  try {
    for await (const chunk of readChunks(fd, size)) {
      digest.update(chunk);
      written += chunk.length;
      yield chunk;
    }
  } catch (error) {
    errorCode(error);
    torn = "unreadable";
  }
  if (written < size) torn ??= "shrank";
  while (written < size) {
    const filling = zeros.subarray(0, Math.min(zeros.length, size - written));
    digest.update(filling);
    written += filling.length;
    yield filling;
  }
  torn ??= await findLateChange(fd, before);
  return { sha256: digest.digest("hex"), torn };
}

async function findLateChange(fd: number, before: BigIntStats): Promise<TornReason | undefined> {
  try {
    const beyond = await pooledOperations.read(fd, Buffer.alloc(1), 0, 1, Number(before.size));
    if (beyond > 0) return "grew";
    return isSameState(before, await pooledOperations.statOpen(fd)) ? undefined : "changed";
  } catch (error) {
    errorCode(error);
    return "unreadable";
  }
}
