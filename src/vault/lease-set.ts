/** Several leases of a source at once, as one: what deletes must keep every writer out. */
import { setTimeout as sleep } from "node:timers/promises";
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { type LeaseStream, leaseStreams } from "./lease-streams.ts";
import { acquireLease, doubtLease, type Lease, type LeaseRequest, type LeaseSubject } from "./leases.ts";
import type { ObjectStore } from "./object-store.ts";

/** Held as long as all of them are. */
export type LeaseSet = Pick<Lease, "assertHeld" | "release" | "startRenewing">;

export interface LeaseSetOptions {
  /**
   * How often, a second apart, a log lease is asked for again; a log takes seconds. Default: never.
   */
  readonly logRetries?: number;
  readonly signal?: AbortSignal;
}

/**
 * Takes the leases of these streams of `source`, all or none. Always in the order of
 * `leaseStreams`, and logs are made without any other lease: two that ask for several never block
 * each other for ever. Where one is busy, those that were taken are given back.
 * Errors: as acquireLease; what aborts the signal.
 */
export async function acquireLeases(
  store: ObjectStore,
  source: string,
  streams: readonly LeaseStream[],
  request: LeaseRequest,
  options: LeaseSetOptions = {},
): Promise<LeaseSet> {
  const leases: Lease[] = [];
  const wanted = leaseStreams.filter((stream) => streams.includes(stream));
  try {
    for (const stream of wanted) leases.push(await acquirePatiently(store, { source, stream }, request, options));
  } catch (error) {
    // One that cannot be given back expires, like that of a run that died here.
    await Promise.allSettled(leases.map((lease) => lease.release()));
    // The others' time runs beside that of the one that was busy, not after it.
    const others = wanted.slice(leases.length + 1);
    await Promise.allSettled(others.map((stream) => doubtLease(store, { source, stream }, request)));
    throw error;
  }
  return {
    async assertHeld() {
      await Promise.all(leases.map((lease) => lease.assertHeld()));
    },
    async release() {
      const outcomes = await Promise.allSettled(leases.map((lease) => lease.release()));
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    },
    startRenewing: (signal) => AbortSignal.any(leases.map((lease) => lease.startRenewing(signal))),
  };
}

async function acquirePatiently(
  store: ObjectStore,
  subject: LeaseSubject,
  request: LeaseRequest,
  { logRetries = 0, signal }: LeaseSetOptions,
): Promise<Lease> {
  for (let left = subject.stream === "log" ? logRetries : 0; ; left -= 1) {
    try {
      return await acquireLease(store, subject, request);
    } catch (error) {
      if (left <= 0 || !isHoldfastError(error, "LeaseHeld")) throw error;
    }
    await sleep(1000, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
