/** The stack's state bucket: lists of work, findings on their way, and what the watch has told. */

import type { VaultConfig } from "../../src/policy/policy.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { openStore } from "../../src/vault/open-store.ts";
import { requireVariable } from "./environment.ts";

export interface StatePlace {
  readonly bucket: string;
  /**
   * Before every key of this stage, for several may share the bucket: empty, or with a slash at its
   * end.
   */
  readonly prefix: string;
}

/**
 * Runs `work` on this stage's folder of the state bucket. Errors: UsageInvalid (no bucket is
 * named), those of `work`.
 */
export async function withStateStore<T>(clock: Clock, work: (store: ObjectStore, place: StatePlace) => Promise<T>): Promise<T> {
  const bucket = requireVariable("HOLDFAST_STATE_BUCKET");
  const prefix = process.env["HOLDFAST_STATE_PREFIX"] ?? "";
  const store = await openStore(configOf(bucket, prefix), { clock });
  try {
    return await work(store, { bucket, prefix });
  } finally {
    store.close();
  }
}

/** No bucket's name has a slash: a path is a folder, for functions that run on one machine. */
function configOf(bucket: string, prefix: string): VaultConfig {
  if (bucket.startsWith("/")) return { name: "state", type: "folder", path: `${bucket}/${prefix}` };
  return { name: "state", type: "s3", bucket, prefix: prefix.replace(/\/$/, ""), partsLimit: 10_000, checksums: "supported" };
}
