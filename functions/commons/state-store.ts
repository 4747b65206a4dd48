/** The stack's state bucket: lists of work, and what the watch has told. */
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
  const store = await openStore(
    { name: "state", type: "s3", bucket, prefix: prefix.replace(/\/$/, ""), partsLimit: 10_000, checksums: "supported" },
    { clock },
  );
  try {
    return await work(store, { bucket, prefix });
  } finally {
    store.close();
  }
}
