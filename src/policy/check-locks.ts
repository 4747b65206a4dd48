/**
 * Whether retention promises a time wherever a vault locks: a lock without an end is no lock that
 * anybody would want.
 */
import type { Policy, Retention, SourceConfig } from "./policy.ts";
import type { Problem } from "./problem.ts";

/**
 * Problems of sources whose vault locks while their retention counts backups alone, so that no time
 * can be locked for.
 */
export function checkLocks({ sources, vaults }: Pick<Policy, "sources" | "vaults">): Problem[] {
  return Object.values(sources).flatMap((source) => {
    const vault = vaults[source.vault];
    if (vault?.type !== "s3" || vault.lock === undefined || promisesTime(source)) return [];
    const message = `vault "${source.vault}" locks for as long as retention promises, and keepLast promises no time: add one of daily, weekly, monthly, yearly, keepWithin, recoveryWindow`;
    return [{ path: ["sources", source.name, "retention"], message, anchor: "value" as const }];
  });
}

function promisesTime({ traits, retention }: SourceConfig): boolean {
  const { daily, weekly, monthly, yearly, keepWithinSeconds, recoveryWindowSeconds, kinds }: Retention = retention;
  if ([daily, weekly, monthly, yearly, keepWithinSeconds, recoveryWindowSeconds].some((rule) => rule !== undefined)) return true;
  return traits.kinds.every((kind) => kinds?.[kind] !== undefined);
}
