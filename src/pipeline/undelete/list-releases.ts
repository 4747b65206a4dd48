/** Holds that were released on purpose, as the audit trail says, hidden entries among them. */

import { readAuditEntry, readTrail, type TrailItem } from "../../vault/audit-trail.ts";
import { parseAuditKey } from "../../vault/layout.ts";
import { viewVersion } from "../../vault/undelete/version-view.ts";
import type { SignedVault } from "../../vault/vault.ts";
import type { HiddenObject, VersionedStore } from "./hidden-objects.ts";
import { contentOf } from "./judge-backup.ts";

/**
 * When the holds of each backup (`source/id`) were last released. Reads the trail only where a hold
 * is hidden. Errors: those of the store.
 */
export async function listReleases(
  now: Date,
  vault: SignedVault,
  { store, versions }: VersionedStore,
  hidden: readonly HiddenObject[],
): Promise<ReadonlyMap<string, number>> {
  const releases = new Map<string, number>();
  if (!hidden.some(({ kind }) => kind === "hold")) return releases;
  const note = (item: Pick<TrailItem, never> | undefined): void => {
    if (item === undefined || !("entry" in item)) return;
    const { action, source, backupId, at } = (item as Extract<TrailItem, { entry: unknown }>).entry;
    const backup = `${source}/${backupId}`;
    if (action === "hold.released") releases.set(backup, Math.max(releases.get(backup) ?? 0, Date.parse(at)));
  };
  for await (const item of readTrail(vault, now)) note(item);
  for (const object of hidden.filter(({ kind }) => kind === "audit")) {
    for (const version of contentOf(object)) {
      note(await readAuditEntry({ ...vault, store: viewVersion(store, versions, version) }, parseAuditKey(object.key) ?? 0));
    }
  }
  return releases;
}
