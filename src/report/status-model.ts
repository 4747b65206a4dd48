/**
 * The status's data: what it is made of, what it says, and what a single judgement adds. Types
 * only.
 */
import type { BackupKind, Objectives, Tier } from "../policy/policy.ts";

/** A source as the policy has it; SourceConfig fits. */
export interface StatusSource {
  readonly name: string;
  readonly engine: string;
  readonly tier: Tier;
  readonly objectives: Objectives;
  readonly schedules: Readonly<Partial<Record<BackupKind, string>>>;
  readonly verify: { readonly schedule?: string | undefined };
  readonly restoreTest: { readonly schedule?: string | undefined };
}

/** What manifests and evidence say of a backup; every figure may be unknown. */
export interface BackupFigures {
  /** The backup's bytes in the vault. */
  readonly storedBytes?: number | undefined;
  /** The bytes of its content before compression. */
  readonly contentBytes?: number | undefined;
  readonly rows?: number | undefined;
  /** From start to commit. */
  readonly durationSeconds?: number | undefined;
  /** How long its last restore test took to bring the data back. */
  readonly restoreSeconds?: number | undefined;
}

/**
 * A backup as the catalogue lists it (BackupEntry fits), with figures where the caller read them.
 */
export interface StatusBackup {
  readonly source: string;
  readonly id: string;
  readonly kind: BackupKind;
  readonly startedAt: Date;
  readonly state: "stored" | "verified" | "proven" | "damaged";
  readonly suspicious: boolean;
  readonly held?: boolean | undefined;
  /** Dated in the future: it counts for no objective. */
  readonly future?: boolean | undefined;
  /** Evidence that is dated in the future, and counts for nothing. */
  readonly futureChecks?: readonly { readonly check: string; readonly at: Date | string }[];
  /**
   * The keys of evidence and holds that none of the policy's keys signed; they count for nothing.
   */
  readonly forged?: readonly string[] | undefined;
  /** What is wrong with its documents, in sentences, where they were read. */
  readonly problems?: readonly string[] | undefined;
  /** Why nobody could ask whether its manifest is genuine, where no key is at hand. */
  readonly unchecked?: { readonly message: string } | undefined;
  /** Why its documents could not be judged at all: then it counts as stored, at most. */
  readonly unread?: string | undefined;
  /** Oldest first; `at` is an instant (ISO 8601 where it is text). */
  readonly checks: readonly { readonly check: string; readonly at: Date | string }[];
  /** Objects that its proof left out, because the policy excepts the extension that they need. */
  readonly leftOut?: number | undefined;
  readonly figures?: BackupFigures | undefined;
}

export interface StatusInput {
  readonly now: Date;
  /** IANA name: the schedules' zone. */
  readonly timezone: string;
  readonly sources: readonly StatusSource[];
  /** Of these sources, in any order. */
  readonly backups: readonly StatusBackup[];
  /** Backups of these sources whose manifest is missing. */
  readonly lost?: readonly { readonly source: string; readonly id: string }[];
  /**
   * Backups of these sources that were deleted a short time ago, and of which something is left.
   */
  readonly deleted?: readonly ({ readonly source: string } & StatusDeletion)[];
  /** Of these sources: times of the recovery window that no log has. */
  readonly gaps?: readonly StatusGap[];
}

/** ISO 8601: the last instant before it that can be restored, and the first after it. */
export interface StatusGap {
  readonly source: string;
  readonly from: string;
  readonly to: string;
}

/** A deletion that is not trusted yet. */
export interface StatusDeletion {
  readonly id: string;
  readonly deletedAt: Date;
  /** Nothing that is left of it is collected before. */
  readonly keptUntil: Date;
}

export type Verdict = "ok" | "warning" | "breach";

export interface StatusFinding {
  readonly level: "warning" | "breach";
  readonly subject:
    | "rpo"
    | "rto"
    | "restore-test"
    | "verification"
    | "schedule"
    | "backup"
    | "damage"
    | "growth"
    | "recovery-window";
  /** A lowercase fact without a full stop. */
  readonly message: string;
}

/** A backup in the status; times are ISO 8601 in UTC. */
export interface StatusPoint {
  readonly id: string;
  readonly at: string;
  readonly ageSeconds: number;
  readonly state: StatusBackup["state"];
}

export interface SourceStatus {
  readonly source: string;
  readonly engine: string;
  readonly tier: Tier;
  readonly verdict: Verdict;
  readonly newest: StatusPoint | null;
  /**
   * The newest that was read back and is neither damaged nor suspicious: what the RPO is measured
   * by.
   */
  readonly newestVerified: StatusPoint | null;
  readonly newestProven: StatusPoint | null;
  readonly rpo: { readonly objectiveSeconds: number; readonly measuredSeconds: number | null; readonly met: boolean };
  readonly rto: {
    readonly objectiveSeconds: number;
    /** Null while no restore was measured. */
    readonly measuredSeconds: number | null;
    readonly measuredAt: string | null;
    /**
     * What restoring the newest backup would take, at the measured speed, where it has grown since.
     */
    readonly forecastSeconds: number | null;
    readonly met: boolean | null;
  };
  readonly restoreTest: {
    readonly outcome: string | null;
    /** Objects that the proof left out, where there are any. */
    readonly leftOut?: number | undefined;
    readonly backupId: string | null;
    readonly at: string | null;
    readonly dueAt: string | null;
    readonly overdue: boolean;
  };
  readonly verification: { readonly at: string | null; readonly dueAt: string | null; readonly overdue: boolean };
  /** Scheduled runs since the newest backup of the kind that brought none. */
  readonly missedRuns: readonly { readonly kind: BackupKind; readonly count: number; readonly lastAt: string }[];
  readonly size: {
    readonly backups: number;
    readonly newestStoredBytes: number | null;
    readonly newestContentBytes: number | null;
    readonly newestDurationSeconds: number | null;
    /** Share by which the content grew in 30 days; null while that cannot be said. */
    readonly growthPerMonth: number | null;
  };
  readonly suspicious: readonly string[];
  readonly damaged: readonly string[];
  /** Ids of backups whose manifest is missing. */
  readonly lost: readonly string[];
  /** Ids of backups that were deleted a short time ago, and of which something is left. */
  readonly deleted: readonly string[];
  readonly held: readonly string[];
  readonly findings: readonly StatusFinding[];
  /** What went well, in sentences. */
  readonly notes: readonly string[];
}

/** A source of whose backups nothing is known, and why. */
export interface UnmeasuredStatus {
  readonly source: string;
  readonly error: { readonly name: string; readonly message: string; readonly hint: string };
}

export interface Status {
  readonly at: string;
  readonly timezone: string;
  /** Not better than `breach` while a source is not measured. */
  readonly verdict: Verdict;
  readonly sources: readonly SourceStatus[];
  readonly unmeasured?: readonly UnmeasuredStatus[] | undefined;
}

/** What the judgements look at: one source and its backups, newest first. */
export interface SourceView {
  readonly source: StatusSource;
  readonly backups: readonly StatusBackup[];
  /** Backups that are dated in the future, in no other list. */
  readonly dated: readonly StatusBackup[];
  /** Ids. */
  readonly lost: readonly string[];
  readonly deleted: readonly StatusDeletion[];
  readonly gaps: readonly StatusGap[];
  readonly now: Date;
  readonly timezone: string;
}

/** What one judgement adds to a source's status. */
export interface Judgement<K extends keyof SourceStatus> {
  readonly facts: Pick<SourceStatus, K>;
  readonly findings: readonly StatusFinding[];
  readonly notes: readonly string[];
}
