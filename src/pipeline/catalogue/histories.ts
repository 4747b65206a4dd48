/** What a run keeps of the histories that it has listed (source-history.ts). */
import type { BackupEntry } from "../../vault/catalogue.ts";
import type { BackupPlace } from "../../vault/layout.ts";

export interface SourceHistory {
  readonly source: string;
  /** Oldest first. */
  readonly backups: readonly BackupEntry[];
  /** Backups with evidence and without a manifest: confirmLost says which of them are lost. */
  readonly unclaimed: readonly BackupPlace[];
}

/** What a run has listed, by vault and source. */
export type Histories = Map<string, Promise<SourceHistory>>;
