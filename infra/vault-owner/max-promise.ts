/**
 * The longest time that retention may promise a backup (src/retention/promise-locks.ts), in days.
 */
import type { Retention } from "../../src/policy/policy.ts";

const daySeconds = 86_400;
/** The longest of each calendar period. */
const maxDays = { daily: 1, weekly: 7, monthly: 31, yearly: 366 } as const;
/** Beyond every rule: a backup without an end in sight, or a chain's base. */
const slackDays = 31;

/**
 * Never less than any promise: a rule keeps for its count of periods and the one that has begun.
 * What nobody may lock beyond has no other use.
 */
export function maxPromisedDays(retention: Retention): number {
  const calendar = Object.entries(maxDays).map(([rule, days]) => {
    const count = retention[rule as keyof typeof maxDays];
    return count === undefined ? 0 : (count + 1) * days;
  });
  const ages = [
    retention.minAgeSeconds,
    retention.keepWithinSeconds ?? 0,
    retention.recoveryWindowSeconds ?? 0,
    ...Object.values(retention.kinds ?? {}).map(({ keepWithinSeconds = 0 }) => keepWithinSeconds),
  ];
  return Math.ceil(Math.max(...calendar, ...ages.map((seconds) => seconds / daySeconds)) + slackDays);
}
