/**
 * The lifecycle rules of a vault (src/vault/s3/lifecycle-rules.ts) in the words of CloudFormation.
 */
import type { S3Vault } from "../src/policy/policy.ts";
import { type LifecycleRule, lifecycleRules } from "../src/vault/s3/lifecycle-rules.ts";

/** What died half-way is cleaned up well after the longest run could still need it. */
export const abortUploadsDays = 7;

/** The rules of a bucket's vaults: several may share it, each under a prefix of its own. */
export function lifecycleOf(vaults: readonly (S3Vault & { readonly name: string })[]): readonly Record<string, unknown>[] {
  return vaults.flatMap((vault) =>
    lifecycleRules(vault).map((rule) => inTemplate(vaults.length === 1 ? rule : { ...rule, id: `${rule.id}-${vault.name}` })),
  );
}

function inTemplate(rule: LifecycleRule): Record<string, unknown> {
  const {
    id,
    prefix,
    tag,
    transitions,
    expireDays,
    expireNoncurrentDays,
    removeExpiredMarkers,
    abortUploadsDays: abortDays,
  } = rule;
  return {
    Id: id,
    Status: "Enabled",
    ...(prefix === "" ? {} : { Prefix: prefix }),
    ...(tag === undefined ? {} : { TagFilters: [{ Key: tag.key, Value: tag.value }] }),
    ...(transitions === undefined
      ? {}
      : { Transitions: transitions.map(({ days, storageClass }) => ({ TransitionInDays: days, StorageClass: storageClass })) }),
    ExpirationInDays: expireDays,
    ...(expireNoncurrentDays === undefined ? {} : { NoncurrentVersionExpiration: { NoncurrentDays: expireNoncurrentDays } }),
    ...(removeExpiredMarkers === undefined ? {} : { ExpiredObjectDeleteMarker: true }),
    ...(abortDays === undefined ? {} : { AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortDays } }),
  };
}
