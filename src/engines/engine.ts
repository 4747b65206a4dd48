/**
 * The port to what knows one kind of source. Adapters: a folder each, loaded by its name
 * (engine-registry.ts); the pipeline knows only this folder. An engine knows nothing of vaults,
 * keys or manifests: it gives and takes streams of bytes, figures and findings.
 */

import type * as z from "zod";
import type { SourceConfig } from "../policy/policy.ts";
import type { Comparison, ContentDigest, SourceCheckResult } from "../proof/content.ts";
import type { ObjectListing } from "../proof/listed-object.ts";
import type { RestoreChapter } from "../proof/restore-chapter.ts";
import type { RunContext } from "../runtime/run-context.ts";
import type { BackupChain, BackupInfo, BackupInfoChain, BackupReader, Facts } from "./backup-reader.ts";
import type { DumpRequest, DumpSession } from "./dump-session.ts";
import type { Finding } from "./finding.ts";
import type { Place } from "./place.ts";
import type { RestorePlan, RestoreRequest, SwappedBack } from "./restore-request.ts";

/** What reading a backup back found. */
export interface Inspection {
  /** What is wrong with its content, in sentences; any makes it damaged. */
  readonly problems: readonly string[];
  /** Absent where only a restore shows what it holds: a log, pages of a server. */
  readonly digest?: ContentDigest;
}

export interface Engine<S extends SourceConfig = SourceConfig, F extends Facts = Facts> {
  readonly name: string;
  /** What its manifests' facts are; a backup whose facts are something else is damaged. */
  readonly facts: z.ZodType<F>;

  /** Its chapter of RESTORE.md. */
  readonly instructions: RestoreChapter;

  /**
   * Looks at everything a backup and a restore test of this source would need; finds, never throws
   * for what a user can fix.
   */
  check(source: S, context: RunContext): Promise<readonly Finding[]>;

  /**
   * Opens a consistent view of the source. Errors: SourceUnreachable, SourceAccessDenied,
   * SourceUnsupported, SecretUnavailable, ToolMissing.
   */
  openDump(source: S, request: DumpRequest<F>, context: RunContext): Promise<DumpSession<F>>;

  /**
   * Reads every artifact of this one backup to its end; what it builds on has inspections of its
   * own. Errors: ContentInvalid, ToolMissing, and whatever the reader throws.
   */
  inspect(backup: BackupReader<F>, context: RunContext): Promise<Inspection>;

  /**
   * Every object of this backup, without reading its content. Engines whose digests list their
   * objects lack it. Errors: ContentInvalid, DiskFull, and whatever the reader throws.
   */
  listObjects?(backup: BackupReader<F>, context: RunContext): ObjectListing;

  /**
   * Why `next` does not go on where `base` ends (a gap, another line), in words; undefined where it
   * does. Engines whose backups all stand alone lack it.
   */
  findGap?(base: BackupInfo<F>, next: BackupInfo<F>): string | undefined;

  /** Checks what the source said of itself against the backup's digest, without restoring. */
  compareSourceCheck(digest: ContentDigest, check: SourceCheckResult): Comparison;

  /**
   * Whether a part of a digest (`table public.orders`, `directory uploads`) is named by the
   * source's `verify.volatile`, or left out of it.
   */
  compileVolatile(source: S): (object: string) => boolean;

  /** Bytes of temporary disk that a restore test of this chain needs, at least. */
  estimateThrowawayBytes(chain: BackupInfoChain<F>): number;

  /**
   * Opens a private target that exists for one test. Errors: ThrowawayFailed, ToolMissing,
   * DiskFull; SelectionNotFound for `only` (RestoreRequest), which restricts what is loaded.
   */
  openThrowaway(chain: BackupChain<F>, context: RunContext, source?: S, only?: readonly string[]): Promise<Place>;

  /**
   * Says what restoring there would do, touching nothing. Errors: UsageInvalid, SelectionNotFound,
   * SourceUnreachable, RestoreRefused.
   */
  planRestore(chain: BackupChain<F>, source: S | undefined, request: RestoreRequest, context: RunContext): Promise<RestorePlan>;

  /**
   * Opens the target for loading. Errors: as planRestore, and RestoreRefused when it is occupied
   * and `overwrite` is false.
   */
  openTarget(chain: BackupChain<F>, source: S | undefined, request: RestoreRequest, context: RunContext): Promise<Place>;

  /**
   * Opens a consistent view of all that stands at a restore's target now, for a safety backup:
   * `source` is whose restore it is. Engines that replace nothing lack it. Errors: as openDump.
   */
  openTargetDump?(source: S, request: RestoreRequest, dump: DumpRequest<F>, context: RunContext): Promise<DumpSession<F>>;

  /**
   * Puts back what the newest overwrite of this target keeps under another name, and keeps what
   * stands there now; with `dryRun`, only says so. Engines that keep nothing lack it.
   * Errors: RestoreRefused (nothing is kept, or it is in use), those of reaching the target.
   */
  swapBack?(source: S | undefined, request: RestoreRequest, context: RunContext, dryRun: boolean): Promise<SwappedBack>;
}
