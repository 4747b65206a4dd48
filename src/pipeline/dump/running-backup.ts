/** A backup that is being written: what becomes of it when its run fails, or loses its lease. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { removeManifest } from "../../vault/documents/manifest.ts";
import { keyOf } from "../../vault/layout.ts";
import type { Lease } from "../../vault/leases.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { ArtifactTarget } from "./write-artifact.ts";

/**
 * A run that stood still between its last question for the lease and the commit may have named what
 * another deleted meanwhile: its manifest is taken back. Errors: LeaseLost.
 */
export async function assertStillHeld({ store, source, backupId }: RunningBackup, lease: Pick<Lease, "assertHeld">): Promise<void> {
  try {
    await lease.assertHeld();
  } catch (error) {
    if (isHoldfastError(error, "LeaseLost")) await removeManifest(store, source, backupId);
    throw error;
  }
}

/** What is being written, and whether its manifest was sent. */
export type RunningBackup = Omit<ArtifactTarget, "digestKey"> & { readonly committing: boolean };

/** Takes the artifacts of an uncommitted backup back; what cannot be removed now is the sweep's. */
export async function removeUncommitted({ store, source, backupId, committing }: RunningBackup, run: RunContext): Promise<void> {
  // Once the manifest was sent, it may stand, whatever the failure says (a lost answer, a directory
  // that could not be synced, bytes that came back changed): then the artifacts are a backup's, not
  // leftovers.
  if (committing && (await isCommitted(store, source, backupId))) {
    run.log.warn("the backup may have been committed although the run failed: its artifacts are left", { backupId });
    return;
  }
  try {
    for await (const object of store.list(keyOf.artifact(source, backupId, ""))) await store.delete(object.key);
  } catch (error) {
    run.log.warn("artifacts of a failed backup are left for the next prune", { backupId, cause: String(error) });
  }
}

async function isCommitted(store: ObjectStore, source: string, backupId: string): Promise<boolean> {
  try {
    return (await store.head(keyOf.manifest(source, backupId))) !== undefined;
  } catch {
    // Not known: keeping too much is safe, and the sweep decides later.
    return true;
  }
}
