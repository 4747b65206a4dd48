/** The backups of a store that lost their manifest, as the pipeline finds them. */
import { listBackups } from "../../src/vault/catalogue.ts";
import type { BackupPlace } from "../../src/vault/layout.ts";
import { confirmLost } from "../../src/vault/list-lost.ts";
import type { SignedVault } from "../../src/vault/vault.ts";
import { toList } from "./streams.ts";

export async function listLost(vault: SignedVault, source?: string): Promise<BackupPlace[]> {
  const unclaimed: BackupPlace[] = [];
  await toList(listBackups(vault, { source, now: new Date(), onUnclaimed: (place) => void unclaimed.push(place) }));
  return confirmLost(vault, unclaimed);
}
