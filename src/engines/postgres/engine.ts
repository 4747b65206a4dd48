/**
 * The PostgreSQL engine: full logical backups through PostgreSQL's own tools (docs/postgres.md).
 */
import type { PostgresSource } from "../../policy/engines/postgres/source.ts";
import { compareCounts } from "../../proof/compare-counts.ts";
import type { Engine } from "../engine.ts";
import { type PostgresFacts, postgresFacts } from "./backup-facts.ts";
import { checkPostgres } from "./check.ts";
import { digestPostgresBackup } from "./digest/digest.ts";
import { openPostgresDump } from "./dump/dump.ts";
import { compileVolatileTables } from "./dump/volatile-tables.ts";
import { instructions } from "./instructions.ts";
import { openPostgresTarget } from "./place/restore.ts";
import { planPostgresRestore } from "./place/restore-plan.ts";
import { estimateThrowawayBytes, openPostgresThrowaway } from "./place/throwaway.ts";

export const engine: Engine<PostgresSource, PostgresFacts> = {
  name: "postgres",
  facts: postgresFacts,
  instructions,
  check: checkPostgres,
  openDump: openPostgresDump,
  digest: digestPostgresBackup,
  compareSourceCheck: compareCounts,
  compileVolatile: compileVolatileTables,
  estimateThrowawayBytes,
  openThrowaway: openPostgresThrowaway,
  planRestore: planPostgresRestore,
  openTarget: openPostgresTarget,
};
