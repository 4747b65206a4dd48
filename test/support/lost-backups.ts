/** The backups of a store that lost their manifest, as the pipeline finds them. */
import { listBackups } from "../../src/vault/catalogue.ts";
import type { BackupPlace } from "../../src/vault/layout.ts";
import { confirmLost } from "../../src/vault/list-lost.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { toList } from "./streams.ts";

export async function listLost(store: ObjectStore, source?: string): Promise<BackupPlace[]> {
  const unclaimed: BackupPlace[] = [];
  await toList(listBackups(store, { source, now: new Date(), onUnclaimed: (place) => void unclaimed.push(place) }));
  return confirmLost(store, unclaimed);
}
