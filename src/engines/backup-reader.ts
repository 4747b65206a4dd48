/** A backup on its way back, as its manifest and its artifacts tell of it. */
import type { Readable } from "node:stream";
import type { BackupKind } from "../policy/policy.ts";
import type { SourceCheckResult } from "../proof/content.ts";
import type { Coverage } from "../proof/position.ts";

/** What an engine keeps of a backup in its manifest: plain JSON, without secrets. */
export type Facts = Readonly<Record<string, unknown>>;

/** A backup as its manifest tells of it: enough for plans and estimates. */
export interface BackupInfo<F extends Facts = Facts> {
  readonly backupId: string;
  readonly source: string;
  readonly kind: BackupKind;
  readonly coverage: Coverage;
  /** As the engine's `facts` parsed them. */
  readonly facts: F;
  readonly sourceCheck: SourceCheckResult;
  readonly artifacts: readonly {
    readonly name: string;
    readonly role: string;
    readonly format: string;
    readonly plainBytes: number;
  }[];
}

/**
 * A backup on its way back: its artifacts are unsealed and checked against the manifest as they are
 * read.
 */
export interface BackupReader<F extends Facts = Facts> extends BackupInfo<F> {
  /**
   * The artifact's plain, decompressed bytes; fails with an integrity error as soon as anything is
   * wrong, at the latest instead of the end.
   */
  open(name: string): Promise<Readable>;
}

/**
 * Backups in the order of restoring: one that stands alone, then those that build on it, each on
 * the one before. The last is the one that is meant.
 */
export type BackupChain<F extends Facts = Facts> = readonly [BackupReader<F>, ...BackupReader<F>[]];

export type BackupInfoChain<F extends Facts = Facts> = readonly [BackupInfo<F>, ...BackupInfo<F>[]];
