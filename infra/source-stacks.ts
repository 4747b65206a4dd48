/** Which nested stack has what belongs to a source. */
import { createHash } from "node:crypto";
import { ownKey, ownWorks } from "../functions/commons/source-names.ts";
import { sourceAlarmIds } from "./alarms.ts";
import type { Deployment } from "./deployment.ts";
import { lambdaName, roleName } from "./functions.ts";

/**
 * How many nested stacks there are at most. It cannot change: a source keeps its stack, because
 * CloudFormation would make a function in its new stack before it deletes the one of that name in
 * the old, and refuse.
 */
export const maxSourceStacks = 8;

/** `Sources1` to `Sources8`, by the name alone: other sources may come and go. */
export function stackOfSource(source: string): string {
  const digest = createHash("sha256").update(source).digest();
  return `Sources${(digest.readUInt32BE(0) % maxSourceStacks) + 1}`;
}

/** The nested stack of each resource that belongs to a source, by its logical id. */
export function sourceStacks(deployment: Deployment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.values(deployment.policy.sources).flatMap((source) => {
      const stack = stackOfSource(source.name);
      const keys = ownWorks.map((work) => ownKey(work, source.name));
      const ids = [...keys.flatMap((key) => [lambdaName(key), roleName(key)]), ...sourceAlarmIds(deployment, source)];
      return ids.map((id) => [id, stack]);
    }),
  );
}
