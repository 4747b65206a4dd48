/**
 * Leases: one writer a stream of a source. Acquiring, keeping and giving back; the reasoning is in
 * docs/vault-format.md, "Leases".
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { Clock } from "../runtime/clock.ts";
import { formatVersion } from "./documents/format-version.ts";
import type { Shape } from "./documents/json-shape.ts";
import { findLeaseProblem, judgeLease, type LeaseRecord, leaseBytes } from "./documents/lease-record.ts";
import { maxSmallDocumentBytes, readDocument } from "./documents/read-document.ts";
import { keyOf } from "./layout.ts";
import type { LeaseStream } from "./lease-streams.ts";
import type { ObjectStore } from "./object-store.ts";
import { machineProcesses, type ProcessTable } from "./process-identity.ts";

export interface LeaseRequest {
  /** Who: host and process, or an execution. */
  readonly holder: string;
  /** What for: `full backup`, `prune`. */
  readonly purpose: string;
  readonly ttlSeconds: number;
  readonly clock: Clock;
  /**
   * The machine's processes; null where a process id says nothing (each Lambda sandbox is a machine
   * of its own). Default: this machine's.
   */
  readonly processes?: ProcessTable | null;
}

export interface Lease {
  /** Greater than that of every holder before. */
  readonly fencing: number;
  readonly heldSince: Date;
  /** Prolongs the lease by its whole time. Errors: LeaseLost, those of ObjectStore. */
  renew(): Promise<void>;
  /**
   * Makes sure, by asking the store, that the lease is still this holder's. To be called right
   * before a commit. Errors: LeaseLost, those of ObjectStore.
   */
  assertHeld(): Promise<void>;
  /**
   * Gives the lease back, if it is still this holder's. Idempotent. Errors: those of ObjectStore.
   */
  release(): Promise<void>;
  /**
   * Renews until `signal` is aborted. The returned signal aborts with LeaseLost when the lease was
   * taken, or could not be renewed in its time.
   */
  startRenewing(signal: AbortSignal): AbortSignal;
}

interface Held {
  record: LeaseRecord;
  etag: string;
  /** By the clock's monotonic reading. */
  renewedMs: number;
}

/** Renewals per lifetime: two may fail before the lease does. */
const renewalsPerLifetime = 3;
/** A renewal that failed is tried again after this share of the time between two. */
const retryShare = 0.1;
/** How often a lost race is run again; every round means that another writer got on. */
const maxRaces = 20;

/** What a lease keeps to one holder. */
export interface LeaseSubject {
  readonly source: string;
  readonly stream: LeaseStream;
}

/**
 * Takes the lease of a stream. Takes over one that was released, has expired, or whose holder on
 * this machine is gone.
 * Errors: LeaseHeld (by whom, what for, since and until when), VaultInvalid (the stored lease
 * cannot be read), those of ObjectStore.
 */
export async function acquireLease(store: ObjectStore, subject: LeaseSubject, request: LeaseRequest): Promise<Lease> {
  const processes = request.processes === undefined ? machineProcesses() : request.processes;
  const { clock } = request;
  const { source, stream } = subject;
  for (let race = 0; race < maxRaces; race += 1) {
    const current = await readLease(store, subject);
    if (current !== undefined) {
      const verdict = judgeLease(current.record, clock.now(), processes);
      if (verdict.may === "challenge") {
        await challenge(store, current, clock);
        continue;
      }
      if (verdict.may === "wait") throw refuse(store, current.record, verdict.until);
    }
    const now = clock.now().toISOString();
    const first: LeaseRecord = {
      formatVersion,
      source,
      stream,
      fencing: Math.min((current?.record.fencing ?? 0) + 1, Number.MAX_SAFE_INTEGER),
      token: randomBytes(16).toString("hex"),
      holder: request.holder,
      purpose: request.purpose,
      heldSince: now,
      renewedAt: now,
      expiresAt: now,
      ttlSeconds: request.ttlSeconds,
      released: false,
      process: null,
      challengedAt: null,
    };
    const renewedMs = clock.monotonicMs();
    const record = prolong(first, clock, processes);
    const etag = await tryPut(store, record, current?.etag);
    if (etag !== undefined) return makeLease(store, { record, etag, renewedMs }, clock, processes);
  }
  throw new HoldfastError(
    "StoreConflict",
    `${maxRaces} others were faster to take the ${stream} lease of "${source}" in ${store.url}`,
  );
}

/**
 * Doubts a lease from the future without wanting it: who comes for it later waits no longer than
 * for the first of several. One whose challenge nobody answered is given back for its holder: that
 * cannot be told once this clock has caught up with the lease. Errors: as acquireLease, but for
 * LeaseHeld.
 */
export async function doubtLease(store: ObjectStore, subject: LeaseSubject, { clock, ...request }: LeaseRequest): Promise<void> {
  const current = await readLease(store, subject);
  if (current === undefined) return;
  const processes = request.processes === undefined ? machineProcesses() : request.processes;
  const verdict = judgeLease(current.record, clock.now(), processes);
  if (verdict.may === "challenge") await challenge(store, current, clock);
  if (verdict.may === "take" && verdict.because === "challenge unanswered") {
    await tryPut(store, { ...current.record, released: true, challengedAt: null }, current.etag);
  }
}

function makeLease(store: ObjectStore, held: Held, clock: Clock, processes: ProcessTable | null): Lease {
  const ttlMs = held.record.ttlSeconds * 1000;

  // Once it is being given back, no renewal that is still on its way may take it again.
  let releasing = false;

  /**
   * Replaces this holder's own record, whatever a challenger wrote into it meanwhile. False: it is
   * another holder's now.
   */
  const replace = async (change: (record: LeaseRecord) => LeaseRecord): Promise<boolean> => {
    for (let race = 0; race < maxRaces; race += 1) {
      const startedMs = clock.monotonicMs();
      const record = change(held.record);
      if (releasing && !record.released) return false;
      const etag = await tryPut(store, record, held.etag);
      if (etag !== undefined) {
        Object.assign(held, { record, etag, renewedMs: startedMs });
        return true;
      }
      const current = await readLease(store, held.record);
      if (current === undefined || current.record.token !== held.record.token || current.record.released) return false;
      held.etag = current.etag;
    }
    return false;
  };

  const renew = async (): Promise<void> => {
    if (!(await replace((record) => prolong(record, clock, processes)))) throw lost(store, held.record);
  };

  return {
    fencing: held.record.fencing,
    heldSince: new Date(held.record.heldSince),
    renew,
    async assertHeld() {
      // A lease that is about to end must not end between this answer and what the caller does with
      // it.
      if (clock.monotonicMs() - held.renewedMs > ttlMs / renewalsPerLifetime) return renew();
      const current = await readLease(store, held.record);
      if (current?.record.token !== held.record.token || current.record.released) throw lost(store, held.record);
    },
    async release() {
      releasing = true;
      if (!held.record.released) await replace((record) => ({ ...record, released: true, challengedAt: null }));
    },
    startRenewing(signal) {
      const controller = new AbortController();
      keepRenewing(renew, () => ttlMs - (clock.monotonicMs() - held.renewedMs), ttlMs, signal).catch((error: unknown) => {
        if (!signal.aborted) controller.abort(isHoldfastError(error, "LeaseLost") ? error : lost(store, held.record, error));
      });
      return controller.signal;
    },
  };
}

/**
 * Resolves when `signal` is aborted; rejects when the lease is lost, or when its time has run out
 * without a renewal.
 */
async function keepRenewing(renew: () => Promise<void>, leftMs: () => number, ttlMs: number, signal: AbortSignal): Promise<void> {
  const intervalMs = ttlMs / renewalsPerLifetime;
  let waitMs = intervalMs;
  for (;;) {
    // An unreferenced timer: a lease keeps no process alive.
    await sleep(waitMs, undefined, { signal, ref: false });
    try {
      // A store that does not answer must not outlast the lease.
      await Promise.race([renew(), rejectAfter(leftMs(), signal)]);
      waitMs = intervalMs;
    } catch (error) {
      if (signal.aborted) return;
      if (isHoldfastError(error, "LeaseLost") || leftMs() <= 0) throw error;
      waitMs = Math.min(intervalMs * retryShare, Math.max(leftMs(), 1));
    }
  }
}

async function rejectAfter(milliseconds: number, signal: AbortSignal): Promise<never> {
  await sleep(Math.max(milliseconds, 1), undefined, { signal, ref: false });
  throw new HoldfastError("StoreUnavailable", "the store did not answer while the lease lasted");
}

async function readLease(
  store: ObjectStore,
  { source, stream }: LeaseSubject,
): Promise<{ record: LeaseRecord; etag: string } | undefined> {
  const hint = "Make sure that no run of this source is going on, then delete that object.";
  const shape: Shape<LeaseRecord> = (value) => findLeaseProblem(value, { source, stream });
  const options = { name: "lease", shape, error: "VaultInvalid", hint, maxBytes: maxSmallDocumentBytes } as const;
  try {
    const { value: record, etag } = await readDocument(store, keyOf.lease(source, stream), options);
    return { record, etag };
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    throw error;
  }
}

/**
 * Writes a lease where none is, or over the version `etag`; undefined when another writer was
 * faster.
 */
async function tryPut(store: ObjectStore, record: LeaseRecord, etag: string | undefined): Promise<string | undefined> {
  const key = keyOf.lease(record.source, record.stream);
  try {
    const condition = etag === undefined ? { ifAbsent: true } : { ifMatch: etag };
    return (await store.put(key, leaseBytes(record), { ...condition, dropVersions: true })).etag;
  } catch (error) {
    if (isHoldfastError(error, "ObjectExists")) return putOverMarker(store, record);
    if (isHoldfastError(error, "StoreConflict")) return undefined;
    throw error;
  }
}

/**
 * versitygw refuses to create an object where the newest version is a delete marker: somebody
 * deleted the lease, which Holdfast never does. Of several that write here at once the last wins;
 * the others find its token when they read back, or before they commit.
 */
async function putOverMarker(store: ObjectStore, record: LeaseRecord): Promise<string | undefined> {
  if ((await readLease(store, record)) !== undefined) return undefined;
  await store.put(keyOf.lease(record.source, record.stream), leaseBytes(record));
  const written = await readLease(store, record);
  return written?.record.token === record.token ? written.etag : undefined;
}

async function challenge(
  store: ObjectStore,
  { record, etag }: { readonly record: LeaseRecord; readonly etag: string },
  clock: Clock,
): Promise<void> {
  await tryPut(store, { ...record, challengedAt: clock.now().toISOString() }, etag);
}

function prolong(record: LeaseRecord, clock: Clock, processes: ProcessTable | null): LeaseRecord {
  const now = clock.now();
  return {
    ...record,
    renewedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + record.ttlSeconds * 1000).toISOString(),
    process: processes?.self === undefined ? null : { ...processes.self, renewedUptimeMs: Math.floor(processes.uptimeMs()) },
    challengedAt: null,
  };
}

function refuse(store: ObjectStore, { source, holder, purpose, heldSince }: LeaseRecord, until: string): HoldfastError {
  return new HoldfastError(
    "LeaseHeld",
    `source "${source}" in ${store.url} is in use by ${holder} since ${heldSince}, for: ${purpose}; unless it is renewed, the lease ends at ${until}`,
  );
}

function lost(store: ObjectStore, { source, stream, fencing, heldSince }: LeaseRecord, cause?: unknown): HoldfastError {
  return new HoldfastError(
    "LeaseLost",
    `${stream} lease number ${fencing} of source "${source}" in ${store.url}, held since ${heldSince}, is held no longer`,
    { cause },
  );
}
