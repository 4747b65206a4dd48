/**
 * One writer a source: runs a step under the source's lease and stops it when the lease is lost.
 */
import type { RunContext } from "../runtime/run-context.ts";
import { acquireLease, type Lease } from "../vault/leases.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/**
 * How long a lease outlives its last renewal. A holder renews well before; a run that died on
 * another machine holds the next one up for this long at most, and on the same machine not at all
 * (leases.ts).
 */
const leaseTtlSeconds = 600;

/**
 * Runs `step` while holding the lease of `source`, with a signal that also aborts when the lease is
 * lost, and releases it whatever happens.
 * Errors: LeaseHeld, LeaseLost, those of the step.
 */
export async function withSourceLease<T>(
  context: PipelineContext,
  store: ObjectStore,
  source: string,
  purpose: string,
  step: (run: RunContext, lease: Lease) => Promise<T>,
): Promise<T> {
  const { run } = context;
  const lease = await acquireLease(store, source, {
    holder: run.identity,
    purpose,
    ttlSeconds: leaseTtlSeconds,
    clock: run.clock,
  });
  const ended = new AbortController();
  try {
    const lost = lease.startRenewing(ended.signal);
    return await step({ ...run, signal: AbortSignal.any([run.signal, lost]) }, lease);
  } finally {
    ended.abort();
    await lease.release().catch((error: unknown) => {
      run.log.warn("the lease could not be released and will expire", { source, cause: String(error) });
    });
  }
}
