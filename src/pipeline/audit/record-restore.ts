/**
 * A restore in the audit trail: that it began, and how it ended. It is never given up because the
 * trail cannot be written: the vault may be read-only on the worst day.
 */
import type { LiveOutcome } from "../../engines/place.ts";
import { toHoldfastError } from "../../errors/holdfast-error.ts";
import type { ErasureReport } from "../../proof/erasure.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { describeAskedLive, describeDoneLive } from "./describe-live.ts";
import { tryToRecord } from "./record-action.ts";

/** What the trail says of how a restore was asked for. */
export interface AskedRestore {
  readonly to: string;
  readonly overwrite: boolean;
  readonly allowDamaged: boolean;
  /** The part of the backup that was asked for; absent: all of it. */
  readonly only?: readonly string[] | undefined;
  readonly flags?: ReadonlySet<string> | undefined;
  readonly values?: ReadonlyMap<string, string> | undefined;
  readonly withoutErasures?: boolean | undefined;
}

/** A target as entries of the trail have it: a connection string may name its password. */
export function showTarget(to: string): string {
  return /:\/\/|=/.test(to) ? "a connection (not repeated here)" : to;
}

/** Runs `work`, with an entry before it and one after it. Errors: those of `work`. */
export async function recordingRestore<
  R extends { readonly intact: boolean; readonly erasures?: ErasureReport | undefined; readonly live?: LiveOutcome | undefined },
>(
  context: PipelineContext,
  { vault, entry: { source, id: backupId } }: FoundBackup,
  { to, overwrite, allowDamaged, only, flags, values, withoutErasures }: AskedRestore,
  work: () => Promise<R>,
): Promise<R> {
  const content = ["schema-only", "data-only"].filter((flag) => flags?.has(flag) === true);
  const details = {
    to: showTarget(to),
    ...(overwrite ? { overwrite: "yes" } : {}),
    ...(allowDamaged ? { allowDamaged: "yes" } : {}),
    ...(withoutErasures === true ? { withoutErasures: "yes" } : {}),
    ...(only === undefined ? {} : { only: only.join(", ") }),
    ...(content.length === 0 ? {} : { part: content.join(", ") }),
    ...describeAskedLive({ flags, values }),
  };
  const isPart = only !== undefined || content.length > 0;
  await tryToRecord(context, vault, { action: "restore.begun", source, backupId, details });
  try {
    const result = await work();
    await tryToRecord(context, vault, {
      action: "restore.done",
      source,
      backupId,
      details: {
        ...details,
        content: result.intact
          ? isPart
            ? "equal to that part of the backup"
            : "equal to the backup's"
          : "salvaged, not all of it",
        ...describeErasures(result.erasures),
        ...describeDoneLive(result.live),
      },
    });
    return result;
  } catch (error) {
    // The class alone: messages of others may hold anything.
    await tryToRecord(context, vault, {
      action: "restore.failed",
      source,
      backupId,
      details: { ...details, error: toHoldfastError(error).name },
    });
    throw error;
  }
}

/** Counts only: the trail is not sealed. */
function describeErasures(erasures: ErasureReport | undefined): { readonly erasures?: string } {
  if (erasures === undefined || (erasures.entries === 0 && erasures.problems.length === 0)) return {};
  const { replayed, objects, refused, problems } = erasures;
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const bad = sum(refused.map(({ count }) => count));
  return {
    erasures: [
      `${replayed} replayed`,
      `${sum(objects.map(({ erased }) => erased))} erased`,
      ...(bad === 0 ? [] : [`${bad} NOT erased`]),
      ...(problems.length === 0 ? [] : [`${problems.length} problems of the ledger`]),
    ].join(", "),
  };
}
