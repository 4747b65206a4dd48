/**
 * What the watch has told and has not yet seen the end of: one object, so that a new deployment
 * goes on where the last one stopped.
 */
import * as z from "zod";
import type { Alert } from "../../alerts/alert.ts";
import { parseAlert } from "../../alerts/parse-alert.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

export interface Told {
  /** The kinds of findings that were told. */
  readonly subjects: readonly string[];
  /** ISO 8601: when it was first seen. */
  readonly since: string;
  /** ISO 8601: when it was last told. */
  readonly toldAt: string;
  /** As it was told last: the recovery is made of it. */
  readonly alert: Alert;
}

/** By cause. */
export type Memory = Readonly<Record<string, Told>>;

export const memoryKey = "watch/told.json";
/** Two alerts of 10 KB for each of 1,000 sources, three times over. */
const maxBytes = 64 * 1024 ** 2;

const memorySchema = z.strictObject({
  formatVersion: z.literal(1),
  told: z.record(
    z.string(),
    z.strictObject({ subjects: z.array(z.string()), since: z.iso.datetime(), toldAt: z.iso.datetime(), alert: z.unknown() }),
  ),
});

/**
 * What was told; nothing where it was never written or cannot be understood: then everything is
 * told again. Errors: those of the store.
 */
export async function readMemory(store: ObjectStore, run: RunContext): Promise<Memory> {
  try {
    const { bytes } = await readSmall(store, memoryKey, maxBytes);
    const { told } = memorySchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return Object.fromEntries(
      Object.entries(told).map(([key, each]) => [key, { ...each, alert: parseAlert(JSON.stringify(each.alert)) }]),
    );
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return {};
    if (isHoldfastError(error) && !isHoldfastError(error, "UsageInvalid", "VaultInvalid")) throw error;
    run.log.warn(`the record of alerts already sent cannot be read at ${store.url}: all of them are sent again`, {
      cause: String(error),
    });
    return {};
  }
}

/** Errors: those of the store. */
export async function writeMemory(store: ObjectStore, told: Memory, run: RunContext): Promise<void> {
  await store.put(memoryKey, Buffer.from(JSON.stringify({ formatVersion: 1, told })), { signal: run.signal });
}
