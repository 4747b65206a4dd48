/**
 * A lease as it is stored, and whether it may be taken: docs/vault-format.md, "Leases". Pure but
 * for the process table it asks.
 */

import { isSourceName } from "../layout.ts";
import { leaseStreams } from "../lease-streams.ts";
import { type ProcessIdentity, type ProcessTable, parseProcessIdentity } from "../process-identity.ts";
import { canonicalJson } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { anything, boolean, count, instant, isRecord, object, oneOf, orNull, type ShapeOf, text } from "./json-shape.ts";

type HoldingProcess = ProcessIdentity & { readonly renewedUptimeMs: number };

const leaseShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    source: text("a source's name", isSourceName),
    stream: oneOf(...leaseStreams),
    /** Grows with every holder, for ever. */
    fencing: count,
    /** Random; tells one holder from all others. */
    token: text(),
    holder: text(),
    purpose: text(),
    heldSince: instant,
    renewedAt: instant,
    expiresAt: instant,
    ttlSeconds: count,
    released: boolean,
    /** Where the holder runs; null where its system does not tell. */
    process: orNull<HoldingProcess>((value, path) => processProblem(value, path)),
    /**
     * When another writer doubted that the holder of a lease from the future still lives; the
     * holder's next renewal takes it away.
     */
    challengedAt: orNull(instant),
  },
});

export type LeaseRecord = ShapeOf<typeof leaseShape>;

/**
 * How far the clocks of two machines may differ without one of them doubting the other's lease; NTP
 * keeps them within a second, and the AWS APIs refuse requests that are off by more than five
 * minutes.
 */
export const clockSkewSeconds = 60;

/** What another writer may do about a lease. */
export type LeaseVerdict =
  | { readonly may: "take"; readonly because: "released" | "expired" | "holder gone" | "challenge unanswered" }
  | { readonly may: "challenge" }
  | { readonly may: "wait"; readonly until: string };

/**
 * What is wrong with a parsed lease of `subject`, or undefined when nothing is. One of another
 * source or stream was copied here by hand, and nobody holds it.
 */
export function findLeaseProblem(value: unknown, { source, stream }: Pick<LeaseRecord, "source" | "stream">): string | undefined {
  const problem = leaseShape(value, "lease");
  if (problem !== undefined) return problem;
  const record = value as LeaseRecord;
  if (record.source === source && record.stream === stream) return undefined;
  return `it is the ${record.stream} lease of "${record.source}"`;
}

export function leaseBytes(record: LeaseRecord): Uint8Array {
  return canonicalJson(record);
}

/**
 * Judges a lease by the surest evidence there is: its own word, the holder's process, the machine's
 * uptime (which nobody can set), and only then two machines' clocks. A lease from the future says
 * that one of the clocks is wrong, and is challenged instead of believed.
 */
export function judgeLease(record: LeaseRecord, now: Date, processes: ProcessTable | null): LeaseVerdict {
  if (record.released) return { may: "take", because: "released" };
  const { process } = record;
  if (process !== null && processes?.self !== undefined && process.bootId === processes.self.bootId) {
    if (processes.isGone(process) === true) return { may: "take", because: "holder gone" };
    const leftMs = process.renewedUptimeMs + record.ttlSeconds * 1000 - processes.uptimeMs();
    if (leftMs < 0) return { may: "take", because: "expired" };
    return { may: "wait", until: new Date(now.getTime() + leftMs).toISOString() };
  }
  const graceMs = clockSkewSeconds * 1000;
  if (Date.parse(record.renewedAt) > now.getTime() + graceMs) return judgeChallenge(record, now);
  const endMs = Date.parse(record.expiresAt) + graceMs;
  if (now.getTime() > endMs) return { may: "take", because: "expired" };
  return { may: "wait", until: new Date(endMs).toISOString() };
}

function judgeChallenge({ challengedAt, ttlSeconds }: LeaseRecord, now: Date): LeaseVerdict {
  const challengedMs = challengedAt === null ? Number.POSITIVE_INFINITY : Date.parse(challengedAt);
  if (challengedMs > now.getTime()) return { may: "challenge" };
  const endMs = challengedMs + (ttlSeconds + clockSkewSeconds) * 1000;
  if (now.getTime() > endMs) return { may: "take", because: "challenge unanswered" };
  return { may: "wait", until: new Date(endMs).toISOString() };
}

function processProblem(value: unknown, path: string): string | undefined {
  const uptime = isRecord(value) ? value["renewedUptimeMs"] : undefined;
  if (parseProcessIdentity(value) === undefined || anything(value, path) !== undefined || !Number.isSafeInteger(uptime)) {
    return `${path} is not a process`;
  }
  return undefined;
}
