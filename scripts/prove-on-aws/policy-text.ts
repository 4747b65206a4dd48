/** The policy of the proof: one database, and a vault that can be removed when all is over. */
import { namesOf, type Proof } from "./proof-step.ts";

/**
 * Without a lock: what is locked cannot be removed for as long as the lock lasts, which is what
 * locks are for.
 */
export function policyText(proof: Proof): string {
  const { vault, state, sealing, signing, secret } = namesOf(proof);
  return `version: 1
timezone: UTC
vaults:
  main: { type: s3, bucket: ${vault}, state: s3://${state} }
keys:
  main: { type: kms, keyId: ${sealing}, rotation: 90d, signing: { key: ${signing} } }
sources:
  shop:
    engine: postgres
    connection: secret:${secret}
    tier: critical
    objectives: { rpo: 2d, rto: 1h }
    backup: { full: "0 3 * * *" }
    retention: { keepLast: 5, daily: 2 }
    restoreTest: { schedule: "30 4 * * 0" }
alerts:
  critical: [email:nobody@example.com]
`;
}
