/** The PostgreSQL engine: full logical backups through PostgreSQL's own tools (docs/postgres.md). */
import { engineKinds } from "../../policy/defaults.ts";
import type { PostgresSource } from "../../policy/policy.ts";
import { compareCounts } from "../../proof/compare-counts.ts";
import type { Engine } from "../engine.ts";
import { checkPostgres } from "./check.ts";
import { digestPostgresBackup } from "./digest.ts";
import { openPostgresDump } from "./dump.ts";
import { openPostgresTarget } from "./restore.ts";
import { planPostgresRestore } from "./restore-plan.ts";
import { estimateThrowawayBytes, openPostgresThrowaway } from "./throwaway.ts";

export const postgresEngine: Engine<PostgresSource> = {
  name: "postgres",
  kinds: engineKinds.postgres,
  check: checkPostgres,
  openDump: openPostgresDump,
  digest: digestPostgresBackup,
  compareSourceCheck: compareCounts,
  estimateThrowawayBytes,
  openThrowaway: openPostgresThrowaway,
  planRestore: planPostgresRestore,
  openTarget: openPostgresTarget,
};
