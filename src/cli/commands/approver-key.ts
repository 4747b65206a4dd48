/** `holdfast approver-key`: the key of a person who approves. Needs no policy. */
import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import { publicKeyOf } from "../../sealing/file-signer.ts";
import { createKeyFile, readKeyFile } from "../../sealing/key-file.ts";
import type { Outcome } from "../session.ts";

/** Errors: ObjectExists (a key is never overwritten), UsageInvalid, DiskFull. */
export async function makeApproverKey(given: string): Promise<Outcome> {
  const path = approverKeyPath(given);
  await createKeyFile(path, { randomBytes: (count) => randomBytes(count), now: systemClock.now(), purpose: "approving" });
  const publicKey = publicKeyOf((await readKeyFile(path)).key);
  return {
    document: { key: path, publicKey },
    lines: [
      `wrote ${path} (readable by you only)`,
      `  its public half, for the policy's approvals.approvers: ${publicKey}`,
      "  keep the file away from the machine that restores: anyone who has it can approve in your name",
    ],
  };
}

/** Absolute; `~/` is the home directory. */
export function approverKeyPath(given: string): string {
  return resolve(given.replace(/^~(?=\/)/, homedir()));
}
