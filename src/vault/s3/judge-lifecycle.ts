/**
 * Whether a bucket's lifecycle rules leave a vault alone, and move what its policy's tiers say.
 * Pure.
 */
import type { LifecycleRule, Transition } from "@aws-sdk/client-s3";
import type { S3Vault } from "../../policy/policy.ts";
import type { StoreFinding } from "../object-store.ts";
import { artifactTag, lifecycleRules } from "./lifecycle-rules.ts";

const subject = "lifecycle";
/** What stays until retention releases it. */
const rooms = ["artifacts/", "manifests/", "evidence/", "holds/", "audit/"] as const;
/**
 * What lies there must be brought back before it can be read: `list`, `prune` and `verify` read all
 * but artifacts at any time.
 */
const archives: readonly (string | undefined)[] = ["GLACIER", "DEEP_ARCHIVE"];

/**
 * What is wrong with the rules of a vault's bucket, one finding each; an `ok` where nothing is.
 * Rules that are turned off do nothing.
 */
export function judgeLifecycle(
  rules: readonly LifecycleRule[],
  { prefix, tiers }: Pick<S3Vault, "prefix" | "tiers">,
): StoreFinding[] {
  const enabled = rules.filter(({ Status }) => Status === "Enabled");
  const before = prefix === "" ? "" : `${prefix}/`;
  const findings = enabled.flatMap((rule) => [...judgeExpiration(rule, before), ...judgeArchive(rule, before)]);
  findings.push(...judgeTiers(enabled, { prefix, tiers }));
  if (findings.length > 0) return findings;
  return [{ level: "ok", subject, message: "no rule of the bucket deletes backups or archives what must be read at once" }];
}

function judgeExpiration(rule: LifecycleRule, before: string): StoreFinding[] {
  const { Days, Date: date } = rule.Expiration ?? {};
  const hit = rooms.find((room) => reaches(rule, before, room));
  if ((Days === undefined && date === undefined) || hit === undefined) return [];
  const message = `rule "${rule.ID ?? ""}" deletes what lies below ${before}${hit} by its age, whatever retention says`;
  return [{ level: "error", subject, message, remedy: "Take the rule's expiration away: `holdfast prune` deletes what may go." }];
}

function judgeArchive(rule: LifecycleRule, before: string): StoreFinding[] {
  const archiving = rule.Transitions?.find(({ StorageClass }) => archives.includes(StorageClass));
  const reached = rooms.filter((room) => reaches(rule, before, room));
  // Of what lies below artifacts/, the manifests' seals must be read at once: they have no tag.
  const hit = reached.find((room) => room !== "artifacts/") ?? (asksForTag(rule) ? undefined : reached[0]);
  if (archiving === undefined || hit === undefined) return [];
  const message = `rule "${rule.ID ?? ""}" moves ${before}${hit} to ${archiving.StorageClass}, where it cannot be read at once`;
  const remedy = `Restrict the rule to ${before}artifacts/ and the tag ${artifactTag.key}=${artifactTag.value}.`;
  return [{ level: "error", subject, message, remedy }];
}

/** Each move that the policy's tiers ask for must stand in a rule, with its age. */
function judgeTiers(enabled: readonly LifecycleRule[], vault: Pick<S3Vault, "prefix" | "tiers">): StoreFinding[] {
  const before = vault.prefix === "" ? "" : `${vault.prefix}/`;
  const moves = enabled.filter((rule) => reaches(rule, before, "artifacts/")).flatMap(({ Transitions = [] }) => Transitions);
  const wanted = lifecycleRules(vault).flatMap(({ transitions = [] }) => transitions);
  const isThere = ({ days, storageClass }: (typeof wanted)[number]): boolean =>
    moves.some(({ Days, StorageClass }: Transition) => Days === days && StorageClass === storageClass);
  const missing = wanted.filter((move) => !isThere(move));
  if (missing.length === 0) return [];
  const named = missing.map(({ days, storageClass }) => `${storageClass} after ${days} days`).join(", ");
  const remedy = `Add the moves to a rule for ${before}artifacts/ with the tag ${artifactTag.key}=${artifactTag.value}, or deploy the stack again.`;
  return [{ level: "warning", subject, message: `the policy's tiers are not in the bucket's rules: ${named}`, remedy }];
}

function asksForTag({ Filter }: LifecycleRule): boolean {
  return Filter?.Tag !== undefined || (Filter?.And?.Tags ?? []).length > 0;
}

/**
 * Whether a rule can touch objects of a room. Of tags, artifacts carry the one, and nothing else
 * carries any; sizes are taken to fit.
 */
function reaches({ Filter, Prefix }: LifecycleRule, before: string, room: string): boolean {
  const prefix = Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? "";
  const tags = [...(Filter?.Tag === undefined ? [] : [Filter.Tag]), ...(Filter?.And?.Tags ?? [])];
  const fits = tags.every(({ Key, Value }) => room === "artifacts/" && Key === artifactTag.key && Value === artifactTag.value);
  const whole = before + room;
  return fits && (whole.startsWith(prefix) || prefix.startsWith(whole));
}
