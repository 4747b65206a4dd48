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
import { swapBackPostgres } from "./place/restore-swap.ts";
import { resolveTarget } from "./place/restore-target.ts";
import { estimateThrowawayBytes, openPostgresThrowaway } from "./place/throwaway.ts";

export const engine: Engine<PostgresSource, PostgresFacts> = {
  name: "postgres",
  facts: postgresFacts,
  instructions,
  check: checkPostgres,
  openDump: openPostgresDump,
  inspect: async (backup, context) => ({ problems: [], digest: await digestPostgresBackup(backup, context) }),
  compareSourceCheck: compareCounts,
  compileVolatile: compileVolatileTables,
  estimateThrowawayBytes: ([backup]) => estimateThrowawayBytes(backup),
  openThrowaway: ([backup], context, source, only) => openPostgresThrowaway(backup, context, source, only),
  planRestore: ([backup], source, request, context) => planPostgresRestore(backup, source, request, context),
  openTarget: ([backup], source, request, context) => openPostgresTarget(backup, source, request, context),
  // Nothing is left out of what an overwrite replaces.
  openTargetDump: async (source, request, dump, context) => {
    const whole = { ...source, exclude: { tables: [], data: [] } };
    return openPostgresDump(whole, dump, context, { settings: await resolveTarget(request.target, source, context) });
  },
  swapBack: swapBackPostgres,
};
