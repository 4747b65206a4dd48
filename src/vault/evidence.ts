/** Evidence: what a check or test found about a backup; append-only. Its format is docs/vault-format.md, "Evidence". */
import type { AssertionResult, Comparison, ContentDigest, LoadFinding } from "../proof/content.ts";

/**
 * What was found, as it stands in the key, so that a listing alone gives every state:
 * `verified` read back, digests equal, content parsed; `suspicious` verified, but far smaller than the last ones;
 * `accepted` a person looked at a suspicious one and took it; `damaged` a read-back failed;
 * `proven` restored and compared equal; `unproven` the test could not judge (the place lacked something);
 * `disproven` restored and found to differ, or not restorable.
 */
export const checkNames = ["verified", "suspicious", "accepted", "damaged", "proven", "unproven", "disproven"] as const;
export type CheckName = (typeof checkNames)[number];

/** A backup's state, derived from evidence alone (design, "What never changes", 1). */
export type BackupState = "stored" | "verified" | "proven" | "damaged";

export interface Evidence {
  readonly formatVersion: 1;
  readonly source: string;
  readonly backupId: string;
  readonly check: CheckName;
  readonly at: string;
  /** SHA-256 of the manifest's bytes that the check read. */
  readonly manifestSha256: string;
  readonly holdfastVersion: string;
  /** Who ran it: host and process, or an execution. */
  readonly by: string;
  /** What it found, in sentences; a damaged or unproven one has at least one. */
  readonly findings: readonly string[];
  readonly digest?: ContentDigest;
  readonly sourceCheck?: Comparison;
  readonly comparison?: Comparison;
  readonly loadFindings?: readonly LoadFinding[];
  readonly assertions?: readonly AssertionResult[];
  /** Milliseconds per phase. */
  readonly timings?: Readonly<Record<string, number>>;
  readonly objective?: { readonly rtoSeconds: number; readonly measuredSeconds: number; readonly met: boolean };
  /** Facts of the place it was restored into. */
  readonly place?: Readonly<Record<string, unknown>>;
  /** For `accepted`: the person's reason. */
  readonly reason?: string;
}
