/** What a policy need not say: one place for parser, schema, reference and documents. */
import type { Objectives, S3Vault, Tier } from "./policy.ts";

/** The objectives of each tier (docs/policy-reference.md). */
export const tierObjectives: Readonly<Record<Tier, Objectives>> = {
  critical: { rpoSeconds: 900, rtoSeconds: 3_600 },
  important: { rpoSeconds: 3_600, rtoSeconds: 14_400 },
  standard: { rpoSeconds: 86_400, rtoSeconds: 86_400 },
};

/** The vault or key that a source uses when the policy has several and the source names none. */
export const defaultName = "main";

export const defaultTier: Tier = "standard";
export const defaultTimeZone = "UTC";
/** Written forms of shares, as the reference shows them. */
export const defaultMaxDrop = "50%";
export const defaultMaxRemoval = "50%";
/** Long enough for an accident of a Friday night to be noticed before its last good backup goes. */
export const defaultMinAge = "48h";
/** Restore tests go on where no sandbox can be had (docs/adr/0015). */
export const defaultSandbox = "preferred";
/**
 * Seven years, leap days included: what auditors ask for (SOC 2 and tax law in several countries).
 */
export const defaultAuditKeep = "2557d";
export const defaultAuditKeepSeconds = 2_557 * 86_400;
/** A request waits for a working afternoon, and not over night. */
export const defaultApprovalExpiry = "4h";
export const defaultApprovalSeconds = 4 * 3_600;
/** Longer than any test that a schedule of every night leaves room for. */
export const defaultMaxTestDuration = "12h";
export const defaultMaxTestSeconds = 12 * 3_600;
/** Parts of a multipart upload on AWS S3. */
export const defaultPartsLimit = 10_000;
export const defaultChecksums: S3Vault["checksums"] = "supported";
