/**
 * Evidence on its way from the function that proves a backup to the one that records it: objects in
 * the stack's state bucket, `unsigned/<source>/<backup>/<execution>/…`. What proves a backup runs
 * code that comes with it, and must not be able to sign
 * (docs/adr/0036-what-proves-does-not-sign.md).
 */
import { createHash } from "node:crypto";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { canonicalJson } from "../../src/vault/documents/canonical-json.ts";
import { anything } from "../../src/vault/documents/json-shape.ts";
import { readDocument } from "../../src/vault/documents/read-document.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { withStateStore } from "./state-store.ts";

/** One step of one execution, about one backup. */
export interface HandedStep {
  readonly source: string;
  readonly backupId: string;
  /** The execution's ARN: both functions get it from their state machine. */
  readonly execution: string;
}

/** A restore test hands over two pieces, and each of its retries may have as well. */
const maxPieces = 20;

/**
 * Runs `work` in a context whose evidence is handed over instead of recorded. Errors: those of
 * `work`, UsageInvalid (no state bucket is named).
 */
export async function handingOver<T>(
  context: PipelineContext,
  execution: string,
  work: (context: PipelineContext) => Promise<T>,
): Promise<T> {
  const { clock, randomBytes, signal } = context.run;
  return withStateStore(clock, (store) =>
    work({
      ...context,
      async handOver(evidence) {
        const { source, backupId } = evidence;
        const name = `${clock.now().toISOString().replaceAll(/[-:.]/g, "")}-${Buffer.from(randomBytes(8)).toString("hex")}.json`;
        await store.put(`${prefixOf({ source, backupId, execution })}${name}`, canonicalJson(evidence), { signal });
      },
    }),
  );
}

/**
 * Gives `record` every piece that this step handed over, oldest first, and removes what was
 * recorded. Resolves with their number. Errors: EvidenceInvalid (what lies there cannot be read, or
 * is too much), those of `record`.
 */
export async function takeOver(
  store: ObjectStore,
  step: HandedStep,
  record: (claim: unknown) => Promise<unknown>,
): Promise<number> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefixOf(step))) {
    keys.push(key);
    if (keys.length > maxPieces) {
      const { source, backupId } = step;
      throw new HoldfastError(
        "EvidenceInvalid",
        `more than ${maxPieces} findings of ${backupId} of "${source}" wait to be recorded`,
        {
          hint: "Look at who used the role of the function that proves this source; then verify the backup again.",
        },
      );
    }
  }
  for (const key of keys) {
    const { value } = await readDocument(store, key, { name: "evidence", shape: anything, error: "EvidenceInvalid" });
    await record(value);
    await store.delete(key);
  }
  return keys.length;
}

/** An ARN holds characters that keys had better not have, and is long. */
function prefixOf({ source, backupId, execution }: HandedStep): string {
  return `unsigned/${source}/${backupId}/${createHash("sha256").update(execution).digest("hex").slice(0, 32)}/`;
}
