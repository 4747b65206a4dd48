/** Reads a backup under a read mark, so that a prune elsewhere keeps it meanwhile. */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { markReading } from "../vault/read-marks.ts";
import type { FoundBackup } from "./find-backups.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/**
 * Runs `work` while the backup is marked as being read for `purpose`. Where the vault cannot be written to (read-only media on the worst day)
 * it is read all the same, and the log says that nothing keeps a prune away.
 */
export async function whileReading<T>(
  context: PipelineContext,
  { entry, store }: FoundBackup,
  purpose: string,
  work: () => Promise<T>,
): Promise<T> {
  const { run } = context;
  const request = {
    source: entry.source,
    backupId: entry.id,
    token: Buffer.from(run.randomBytes(8)).toString("hex"),
    by: run.identity,
    purpose,
    since: run.clock.now().toISOString(),
  };
  const release = await markReading(store, request).catch((error: unknown) => {
    if (!isHoldfastError(error, "StoreAccessDenied", "DiskFull")) throw error;
    run.log.warn("the vault cannot be written to: a prune elsewhere is not told that this backup is being read", {
      cause: error.message,
    });
    return undefined;
  });
  try {
    return await work();
  } finally {
    await release?.().catch((error: unknown) => {
      run.log.warn("the read mark could not be taken back and will expire", { backupId: entry.id, cause: String(error) });
    });
  }
}
