/**
 * One writer a stream: runs a step under leases of its source and stops it when one is lost.
 */
import type { RunContext } from "../../runtime/run-context.ts";
import { acquireLeases, type LeaseSet } from "../../vault/lease-set.ts";
import type { LeaseStream } from "../../vault/lease-streams.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/**
 * How long a lease outlives its last renewal. A holder renews well before; a run that died on
 * another machine holds the next one up for this long at most, and on the same machine not at all
 * (leases.ts).
 */
const leaseTtlSeconds = 600;
/**
 * How long a deletion waits for a log that is being made. Logs come every minute or so: without
 * waiting, every other prune would fail on one.
 */
const logRetries = 60;

export interface LeasePurpose {
  readonly source: string;
  readonly streams: readonly LeaseStream[];
  /** For a run that finds the source in use: `full backup`, `prune`. */
  readonly purpose: string;
}

/**
 * Runs `step` while holding the leases of these streams of `source`, with a signal that also aborts
 * when one is lost, and releases them whatever happens. A backup needs the lease of its own stream;
 * who deletes needs all of them.
 * Errors: LeaseHeld, LeaseLost, those of the step.
 */
export async function withSourceLeases<T>(
  context: PipelineContext,
  store: ObjectStore,
  { source, streams, purpose }: LeasePurpose,
  step: (run: RunContext, leases: LeaseSet) => Promise<T>,
): Promise<T> {
  const { run } = context;
  const request = {
    holder: run.identity,
    purpose,
    ttlSeconds: leaseTtlSeconds,
    clock: run.clock,
  };
  const patience = streams.length > 1 ? { logRetries, signal: run.signal } : {};
  const leases = await acquireLeases(store, source, streams, request, patience);
  const ended = new AbortController();
  try {
    const lost = leases.startRenewing(ended.signal);
    return await step({ ...run, signal: AbortSignal.any([run.signal, lost]) }, leases);
  } finally {
    ended.abort();
    await leases.release().catch((error: unknown) => {
      run.log.warn("a lease could not be released and will expire", { source, cause: String(error) });
    });
  }
}
