/**
 * The port to what knows one kind of source. Adapters: a folder each, loaded by its name
 * (engine-registry.ts); the pipeline knows only this file. An engine knows nothing of vaults, keys
 * or manifests: it gives and takes streams of bytes, figures and findings.
 */
import type { Readable } from "node:stream";
import type * as z from "zod";
import type { BackupKind, SourceConfig } from "../policy/policy.ts";
import type { AssertionResult, Comparison, ContentDigest, LoadFinding, Notice, SourceCheckResult } from "../proof/content.ts";
import type { ErasureOutcome, ErasureTarget } from "../proof/erasure.ts";
import type { ObjectListing } from "../proof/listed-object.ts";
import type { Coverage, Position } from "../proof/position.ts";
import type { RestoreChapter } from "../proof/restore-chapter.ts";
import type { RunContext } from "../runtime/run-context.ts";

/** One stream of a backup on its way out of the source. */
export interface DumpArtifact {
  /** Object name within the backup: `[a-z0-9][a-z0-9.-]*`. */
  readonly name: string;
  /** What it is to its engine: `archive`, `globals`, `index` … */
  readonly role: string;
  /** What public tool opens it, once unsealed: `pg_dump-custom`, `sql`, `tar`, `jsonl`. */
  readonly format: string;
  /** Whether sealing should compress it; false where the producer already did. */
  readonly compress: boolean;
  /**
   * The bytes. The stream ends only when the producer's exit status says that they are all; any
   * failure destroys it with a catalogue error, so that a consumer that saw the end saw everything.
   * Consumed before the next artifact is asked for, unless the session is `parallel`.
   */
  readonly body: Readable;
}

/** An artifact of `DumpRequest.reusable`, by its name, that the new backup has as well. */
export interface ReusedArtifact {
  readonly reuse: string;
}

/** What an engine keeps of a backup in its manifest: plain JSON, without secrets. */
export type Facts = Readonly<Record<string, unknown>>;

/** What is asked of a dump. */
export interface DumpRequest<F extends Facts = Facts> {
  readonly kind: BackupKind;
  readonly backupId: string;
  /** What the kind builds on, by the engine's rule (EnginePolicy.kinds); absent: nothing. */
  readonly base?: BackupReader<F> | undefined;
  /**
   * The backup whose artifacts may be named instead of stored again, and of its artifacts those
   * that may; absent: none.
   */
  readonly reusable?: BackupReader<F>;
}

/** What a dump that was read to its end has to say. */
export interface DumpSummary<F extends Facts = Facts> {
  readonly coverage: Coverage;
  /** Server version, tools, encodings, extensions, options used: plain JSON for the manifest. */
  readonly facts: F;
  /** Whatever the tools warn of or could not see: for the manifest and the output. */
  readonly notices: readonly Notice[];
}

/**
 * A running dump: artifacts are read in order, the source check may run beside them; `finish` comes
 * after both, when all went well, and `close` always comes last.
 */
export interface DumpSession<F extends Facts = Facts, A = DumpArtifact | ReusedArtifact> {
  /** A guess at the archive's bytes, for progress only. */
  readonly expectedBytes?: number;
  /**
   * So many artifacts may be open at once: the next is asked for while the bodies of the ones
   * before are still being read. Absent: one.
   */
  readonly parallel?: number;
  /** No two have one name, the reused ones included. */
  artifacts(): AsyncIterable<A>;
  /**
   * Resolves at any time between opening and `close`. Errors: SourceUnreachable,
   * SourceAccessDenied.
   */
  sourceCheck(): Promise<SourceCheckResult>;
  /** Errors: Internal, when it is asked before the last artifact was read. */
  finish(): Promise<DumpSummary<F>>;
  close(): Promise<void>;
}

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

/** What reading a backup back found. */
export interface Inspection {
  /** What is wrong with its content, in sentences; any makes it damaged. */
  readonly problems: readonly string[];
  /** Absent where only a restore shows what it holds: a log, pages of a server. */
  readonly digest?: ContentDigest;
}

export interface LoadOutcome {
  readonly findings: readonly LoadFinding[];
}

/** How much of a backup a place takes. */
export interface PlaceSelection {
  /** As it was asked for; empty: every object. */
  readonly only: readonly string[];
  /**
   * Objects that are not in it, and whose erasure reaches into it in the source (a foreign key that
   * cascades): without them it cannot be replayed.
   */
  readonly cutOff?: readonly string[] | undefined;
  /** Of each object its definition alone, or its content alone. */
  readonly content?: "definitions" | "rows" | undefined;
  /** Objects of the backup's digest that are loaded and compared, once that was done; and all. */
  count(digest: ContentDigest): { readonly objects: number; readonly of: number };
}

/**
 * Somewhere a backup can be loaded into and compared: a throwaway, or a restore's target. `close`
 * always comes last.
 */
export interface Place {
  /** Where only a part of the backup is loaded: how much of it. */
  readonly selection?: PlaceSelection | undefined;
  /** What it is, for evidence: server version, paths, parallelism. */
  readonly facts: Readonly<Record<string, unknown>>;
  /**
   * Loads the backup. A finding of class `damage` is returned, not thrown; errors are for what says
   * nothing about the backup (ThrowawayFailed, DiskFull, RestoreFailed).
   */
  load(): Promise<LoadOutcome>;
  /** Compares the loaded content with the backup's digest, object by object. */
  compare(digest: ContentDigest): Promise<Comparison>;
  /**
   * Reads all that was loaded, where an inspection gave no digest to compare with. Engines whose
   * backups always have one lack it.
   */
  readLoaded?(): Promise<Comparison>;
  /** Compares what the source said of itself with the loaded content. */
  compareSourceCheck(check: SourceCheckResult): Promise<Comparison>;
  /**
   * Asks what the policy wants asked of the loaded content, where the engine knows such questions.
   */
  assert(): Promise<readonly AssertionResult[]>;
  /**
   * Takes out of what was loaded what `targets` mean, in one transaction where there is one, sees
   * that it is gone, and counts what of `older` is there. What was erased already is no failure.
   * Engines that cannot lack it. Errors: as load.
   */
  erase?(targets: readonly ErasureTarget[], older: readonly ErasureTarget[]): Promise<ErasureOutcome>;
  /**
   * After `commit`: what was put into a live database, or would be. Places that are databases of
   * their own lack it.
   */
  live?(): LiveOutcome;
  /**
   * How a person looks into a throwaway, a command or a path a line; from then on its files go away
   * with this process, however that ends. Places that are no throwaway lack it.
   */
  openToPeople?(): Promise<readonly string[]>;
  /**
   * Keeps what was loaded although it differs from the backup: beside the target, under a name that
   * says so. Gives the words for it; undefined where nothing can be kept (a throwaway).
   */
  keepBeside(): Promise<string | undefined>;
  /**
   * Makes a loaded and compared target the user's own (renames it into place); nothing for a
   * throwaway.
   */
  commit(): Promise<void>;
  /**
   * Ends it: a throwaway vanishes; an uncommitted target is removed. Never throws; idempotent.
   */
  close(): Promise<void>;
}

/** After --to, in place of a target: the source itself, as the policy connects to it. */
export const ownTarget = "the source's own database";

/** What a restore did in a live database, or would do. */
export interface LiveOutcome {
  readonly kind: "beside" | "rows" | "made again";
  /** As the backup has it. */
  readonly table: string;
  /** What it is called in the live database. */
  readonly as: string;
  /** False: it was only counted, and waits for the word. */
  readonly applied: boolean;
  readonly rows: {
    readonly inBackup: number;
    /** Of them, those that the condition chose. */
    readonly chosen: number;
    /** There already, with the same values. */
    readonly equal?: number;
    /** There already, changed since: left alone. */
    readonly different?: number;
    readonly missing?: number;
    readonly inserted: number;
  };
  /** In sentences, for people. */
  readonly notices: readonly string[];
}

/** What a restore would do, in the order it would do it; shown by --dry-run. */
export interface RestorePlan {
  readonly target: string;
  readonly steps: readonly string[];
  /** The target exists and holds something: needs --overwrite. */
  readonly occupied: boolean;
  /**
   * What was looked at before anything is touched, all of it; one of level `error` refuses the
   * restore (preflight.ts).
   */
  readonly checks: readonly Finding[];
  /** Puts rows, or a table that is gone, into a live database: approved as `into-live`. */
  readonly intoLive?: boolean | undefined;
  /** What is there; of an occupied target, or a live one. */
  readonly standing?: Standing | undefined;
}

/** What stands at a restore's target. */
export interface Standing {
  /** The same as long as it is the same database or directory, whatever changes in it. */
  readonly identity: string;
  /** How much it is, whose, how new: a sentence each, for the person who approves. */
  readonly facts: readonly string[];
}

/** How far a restore goes. */
export interface RestoreGoal {
  /** Within the coverage of the chain's last backup; absent: to its end. */
  readonly until?: Position | undefined;
}

export interface RestoreRequest extends RestoreGoal {
  /** As given after --to; the engine says what forms it takes. */
  readonly target: string;
  readonly overwrite: boolean;
  /**
   * Only these objects, by the engine's names and patterns (EnginePolicy.restore.only), with all
   * that is part of them; absent: everything.
   */
  readonly only?: readonly string[] | undefined;
  /** As `overwrite`, and the target must be there: a mistyped name is refused, not created. */
  readonly swap?: boolean | undefined;
  /** Goes on where the room on the target seems too small: that is an estimate. */
  readonly ignoreRoom?: boolean | undefined;
  /** Switches of the engine's own that were given (EnginePolicy.restore), by their names. */
  readonly flags?: ReadonlySet<string> | undefined;
  /** Its options that take a value, by their names. */
  readonly values?: ReadonlyMap<string, string> | undefined;
}

/** A swap that is taken back: both names as they are afterwards. */
export interface SwappedBack {
  /** What stands under its own name again. */
  readonly target: string;
  /** What stood there until now, and under which name it is kept; absent: nothing stood there. */
  readonly kept?: string | undefined;
  /** The name under which what came back was kept. */
  readonly from: string;
}

export interface Finding {
  /** `note`: nothing is wrong, and a person may want to know it. */
  readonly level: "ok" | "note" | "warning" | "error";
  /** What was checked: `connection`, `privileges`, `tools`. */
  readonly subject: string;
  readonly message: string;
  /** How to fix it: one imperative sentence. */
  readonly remedy?: string;
  /** All that it is about, where the message names the first of many. In JSON only. */
  readonly details?: readonly string[];
  /** It says what this machine has: elsewhere, where the work is done, it may be otherwise. */
  readonly ofMachine?: true;
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
