/** Reads a backup under a read mark, so that a prune elsewhere keeps it meanwhile. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { markReading, renewReadMarkMs } from "../../vault/documents/read-marks.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { FoundBackup } from "./find-backups.ts";

/**
 * Runs `work` while the backup is marked as being read for `purpose`. Where the vault takes no
 * writes (read-only media, a full or failing disk on the worst day) it is read all the same, and
 * the log says that nothing keeps a prune away.
 */
export async function whileReading<T>(
  context: PipelineContext,
  { entry, vault }: FoundBackup,
  purpose: string,
  work: () => Promise<T>,
): Promise<T> {
  const { run } = context;
  const since = run.clock.now().toISOString();
  const mark = async (): Promise<Release | undefined> => {
    try {
      const token = Buffer.from(run.randomBytes(8)).toString("hex");
      const { source, id: backupId } = entry;
      return await markReading(vault.state, { source, backupId, token, now: run.clock.now(), by: run.identity, purpose, since });
    } catch (error) {
      if (!isHoldfastError(error) || error.name === "Interrupted" || error.name === "Internal") throw error;
      run.log.warn("the vault cannot be written to: a prune elsewhere is not told that this backup is being read", {
        cause: error.message,
      });
      return undefined;
    }
  };
  const kept = keepMarked(mark, await mark());
  try {
    return await work();
  } finally {
    await kept.end().catch((error: unknown) => {
      run.log.warn("the read mark could not be removed and will expire", { backupId: entry.id, cause: String(error) });
    });
  }
}

type Release = () => Promise<void>;

/**
 * Marks anew from time to time, the new mark before the old one goes; `end` removes the last.
 */
function keepMarked(mark: () => Promise<Release | undefined>, first: Release | undefined): { end(): Promise<void> } {
  let release = first;
  let renewing = Promise.resolve();
  const renew = async (): Promise<void> => {
    const next = await mark();
    // A mark that could not be renewed still counts for its day.
    if (next === undefined) return;
    const old = release;
    release = next;
    await old?.();
  };
  const timer = setInterval(() => {
    renewing = renewing.then(renew).catch(() => undefined);
  }, renewReadMarkMs).unref();
  return {
    async end() {
      clearInterval(timer);
      await renewing;
      await release?.();
    },
  };
}
