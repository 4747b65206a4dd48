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
import { openLivePlace } from "./live/live-place.ts";
import { planLiveRestore } from "./live/live-plan.ts";
import { readLiveRequest } from "./live/live-request.ts";
import { openPostgresTarget } from "./place/restore.ts";
import { planPostgresRestore } from "./place/restore-plan.ts";
import { swapBackPostgres } from "./place/restore-swap.ts";
import { resolveTarget } from "./place/restore-target.ts";
import { estimateThrowawayBytes, openPostgresThrowaway } from "./place/throwaway.ts";
import { openRowsPlace } from "./rows/rows-place.ts";
import { asksForRows, planRows } from "./rows/rows-plan.ts";

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
  planRestore: ([backup], source, request, context) => {
    const live = readLiveRequest(request);
    if (asksForRows(request)) return planRows(backup, source, request, context);
    return live === undefined
      ? planPostgresRestore(backup, source, request, context)
      : planLiveRestore(backup, source, request, live, context);
  },
  openTarget: ([backup], source, request, context) => {
    const live = readLiveRequest(request);
    if (asksForRows(request)) return openRowsPlace(backup, source, request, context);
    return live === undefined
      ? openPostgresTarget(backup, source, request, context)
      : openLivePlace(backup, source, request, live, context);
  },
  // Nothing is left out of what an overwrite replaces.
  openTargetDump: async (source, request, dump, context) => {
    const whole = { ...source, exclude: { tables: [], data: [] } };
    return openPostgresDump(whole, dump, context, { settings: await resolveTarget(request.target, source, context) });
  },
  swapBack: swapBackPostgres,
};
