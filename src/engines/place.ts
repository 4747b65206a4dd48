/** Somewhere a backup is loaded into and compared: a throwaway, or the target of a restore. */
import type { AssertionResult, Comparison, ContentDigest, LoadFinding, SourceCheckResult } from "../proof/content.ts";
import type { ErasureOutcome, ErasureTarget } from "../proof/erasure.ts";

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
