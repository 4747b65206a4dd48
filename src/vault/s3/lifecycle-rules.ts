/**
 * The lifecycle rules of a vault's bucket, as the policy implies them: a pure function, for
 * whatever makes the bucket.
 */
import type { S3Vault } from "../../policy/policy.ts";

/** The tag of every artifact where the policy has tiers; nothing else carries it. */
export const artifactTag = { key: "holdfast", value: "artifact" } as const;

/** One rule, in neutral words: the S3 API and CloudFormation have two sets of names for it. */
export interface LifecycleRule {
  readonly id: string;
  /** The beginning of the keys, the vault's prefix included; empty for all. */
  readonly prefix: string;
  readonly tag?: { readonly key: string; readonly value: string };
  readonly transitions?: readonly { readonly days: number; readonly storageClass: "STANDARD_IA" | "GLACIER_IR" | "DEEP_ARCHIVE" }[];
  readonly expireDays?: number;
  readonly expireNoncurrentDays?: number;
  readonly removeExpiredMarkers?: true;
  readonly abortUploadsDays?: number;
}

/** The sweep's own week (sweep.ts): no upload takes longer. */
const abortUploadsDays = 7;
/**
 * How long what others deleted or overwrote can be brought back once its lock has ended: a quarter,
 * for those who notice late.
 */
const noncurrentDays = 90;

/**
 * The rules for a vault's bucket: artifacts move by their age and stay under their locks wherever
 * they lie; dead uploads and probes go; what was deleted outside Holdfast stays for a quarter.
 * Nothing here deletes a backup: that is retention's alone.
 */
export function lifecycleRules({ prefix, tiers }: Pick<S3Vault, "prefix" | "tiers">): readonly LifecycleRule[] {
  const before = prefix === "" ? "" : `${prefix}/`;
  const rules: LifecycleRule[] = [
    {
      id: "holdfast-leftovers",
      prefix: before,
      abortUploadsDays,
      expireNoncurrentDays: noncurrentDays,
      removeExpiredMarkers: true,
    },
    { id: "holdfast-probes", prefix: `${before}probes/`, expireDays: 1, expireNoncurrentDays: 1 },
    // In a vault without a state bucket every renewal of a lease leaves a version.
    { id: "holdfast-leases", prefix: `${before}leases/`, expireNoncurrentDays: 1 },
  ];
  const { warmDays, coldDays, archiveDays } = tiers ?? {};
  const transitions = [
    { days: warmDays, storageClass: "STANDARD_IA" as const },
    { days: coldDays, storageClass: "GLACIER_IR" as const },
    { days: archiveDays, storageClass: "DEEP_ARCHIVE" as const },
  ].flatMap(({ days, storageClass }) => (days === undefined ? [] : [{ days, storageClass }]));
  if (transitions.length === 0) return rules;
  return [...rules, { id: "holdfast-tiers", prefix: `${before}artifacts/`, tag: artifactTag, transitions }];
}
