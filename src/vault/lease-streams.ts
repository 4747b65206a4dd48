/**
 * What a source's leases keep to one run each. The reasoning is in docs/vault-format.md, "Leases".
 */
import type { BackupKind } from "../policy/policy.ts";

/**
 * Logs are made beside everything else: a full takes hours, and would hold them up. In the order in
 * which a run that needs several takes them: the one that may be held for hours comes first, so
 * that a run that meets it disturbs no log.
 */
export const leaseStreams = ["backup", "log"] as const;

export type LeaseStream = (typeof leaseStreams)[number];

/** The stream that a backup of this kind is made in. */
export function streamOf(kind: BackupKind): LeaseStream {
  return kind === "log" ? "log" : "backup";
}
