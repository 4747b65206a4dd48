/**
 * What the HTML report is made of: the status, and per source its catalogue, restore tests,
 * retention plan and holds.
 */
import type { AssertionResult, Comparison } from "../proof/content.ts";
import type { Status, StatusBackup } from "./status-model.ts";

/** A restore test's evidence; the vault's Evidence fits. */
export interface ReportTest {
  readonly backupId: string;
  readonly check: string;
  readonly at: string;
  readonly by: string;
  readonly findings: readonly string[];
  readonly comparison?: Comparison | undefined;
  readonly sourceCheck?: Comparison | undefined;
  readonly assertions?: readonly AssertionResult[] | undefined;
  /** Milliseconds per phase. */
  readonly timings?: Readonly<Record<string, number>> | undefined;
  readonly objective?: { readonly rtoSeconds: number; readonly measuredSeconds: number; readonly met: boolean } | undefined;
}

export interface ReportHold {
  readonly backupId: string;
  readonly by: string;
  readonly reason: string;
  /** Absent for a hold that cannot be read. */
  readonly at?: string | undefined;
}

/** What retention would do; a RetentionPlan fits. */
export interface ReportPlan {
  readonly decisions: readonly { readonly id: string; readonly kept: boolean; readonly reasons: readonly string[] }[];
  readonly refusals: readonly { readonly message: string; readonly details: readonly string[] }[];
}

export interface ReportSource {
  readonly name: string;
  /** The vault's address, and how the source is backed up, in words: for the reader. */
  readonly vault: string;
  readonly schedules: readonly { readonly what: string; readonly cron: string }[];
  readonly backups: readonly StatusBackup[];
  /** The last restore tests, in any order; the report shows the newest first. */
  readonly tests: readonly ReportTest[];
  readonly plan?: ReportPlan | undefined;
  readonly holds: readonly ReportHold[];
}

export interface ReportModel {
  readonly generatedAt: Date;
  readonly holdfastVersion: string;
  readonly policy: { readonly timezone: string; readonly sha256: string };
  readonly status: Status;
  readonly sources: readonly ReportSource[];
}
