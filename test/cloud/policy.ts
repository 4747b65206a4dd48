/**
 * The policy of the cloud's tests: three sources in a vault with locks, one in a vault without, and
 * schedules that fire while the tests run.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const vaultBucket = "acme-backups";
/** Its backups may be deleted at once: no lock, and retention keeps one. */
export const scratchBucket = "acme-scratch";

/**
 * Packaging and deploying take half a minute, twice that on a busy machine; where that is missed,
 * the next one is minutes later.
 */
const firstMinutes = [2, 5, 8, 11];

/**
 * Writes it into `directory`: taskmaster's backup fires within two or three minutes after `now`,
 * its restore test a minute later.
 */
export function writePolicy(directory: string, now: Date): string {
  const path = join(directory, "holdfast.yml");
  const restoreTest = firstMinutes.map((minutes) => minutes + 1);
  writeFileSync(path, policyText({ full: cronAt(now, firstMinutes), restoreTest: cronAt(now, restoreTest) }));
  return path;
}

/**
 * The same policy, of which nothing fires while the tests run: for comparing two looks at a vault.
 */
export function silencePolicy(path: string): void {
  writeFileSync(path, policyText({ full: "2 0 1 1 *", restoreTest: "2 0 1 1 *" }));
}

/** The schedule of what must not fire by itself; two sources share it. */
const newYear = "0 0 1 1 *";

/** When taskmaster's runs begin. */
interface Schedules {
  readonly full: string;
  readonly restoreTest: string;
}

function policyText({ full, restoreTest }: Schedules): string {
  return `version: 1
timezone: UTC
vaults:
  main:
    type: s3
    bucket: ${vaultBucket}
    lock: { mode: governance }
    state: s3://${vaultBucket}-state
  scratch: s3://${scratchBucket}
keys:
  main: { type: kms, keyId: alias/acme-backups, rotation: 90d, signing: { key: alias/acme-signing } }
sources:
  taskmaster:
    engine: postgres
    connection: secret:taskmaster/db
    tier: critical
    objectives: { rpo: 1d, rto: 4h }
    backup: { full: "${full}" }
    retention: { daily: 7 }
    restoreTest:
      schedule: "${restoreTest}"
      assert:
        - { name: there are users, sql: select count(*) from app.users, atLeast: 1 }
  billing:
    engine: postgres
    connection: secret:billing/db
    tier: important
    backup: { full: "${newYear}" }
    retention: { daily: 7 }
  shop-eu:
    engine: postgres
    connection: secret:shop-eu/db
    tier: standard
    backup: { full: "1 0 1 1 *" }
    retention: { daily: 7 }
  scratch:
    engine: postgres
    connection: secret:scratch/db
    tier: standard
    vault: scratch
    backup: { full: "${newYear}" }
    retention: { keepLast: 1, minAge: none }
alerts:
  critical: [slack:secret/slack-webhook]
  warning: [slack:secret/slack-webhook]
  info: [slack:secret/slack-webhook]
`;
}

/**
 * Five fields for the minutes so many after `now`; a policy has one hour field, so those of the
 * following hour fire in this one too, harmlessly late.
 */
function cronAt(now: Date, minutes: readonly number[]): string {
  const instants = minutes.map((each) => new Date(now.getTime() + each * 60_000));
  const list = (values: readonly number[]): string => [...new Set(values)].sort((one, other) => one - other).join(",");
  return `${list(instants.map((at) => at.getUTCMinutes()))} ${list(instants.map((at) => at.getUTCHours()))} * * *`;
}
