/** The second that a backup begins in, which its id tells. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Notice } from "../../proof/content.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { DatedPlace } from "../../vault/find-backup.ts";

/**
 * Ids tell whole seconds: a backup begun in the second of the one before it would sort by chance,
 * and `@latest` name either; and what was found damaged in that second would pass for its base.
 */
export async function letSecondPass(last: readonly (Date | undefined)[], run: RunContext): Promise<void> {
  const now = run.clock.now().getTime();
  if (!last.some((each) => each !== undefined && Math.floor(each.getTime() / 1000) === Math.floor(now / 1000))) return;
  await sleep(1000 - (now % 1000), undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
}

/**
 * A clock that was set back gives ids that sort before older backups: said aloud, for retention
 * will refuse to prune.
 */
export function checkClock(newest: DatedPlace | undefined, startedAt: Date): readonly Notice[] {
  if (newest === undefined || newest.startedAt <= startedAt) return [];
  return [
    {
      code: "clock-behind",
      subject: newest.id,
      message: `this machine's clock says ${startedAt.toISOString()}, which is before the newest backup ${newest.id}: one of the two clocks is wrong`,
    },
  ];
}
