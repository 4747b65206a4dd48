/**
 * Decides how rows alone get into a database whose tables are there, before anything is touched.
 */
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Finding } from "../../finding.ts";
import type { RestorePlan, RestoreRequest } from "../../restore-request.ts";
import { archiveBytesOnDisk, freeBytes, streamArchive } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import { withNeutralSettings } from "../place/place-settings.ts";
import { withConnection } from "../place/restore-connection.ts";
import { readWishes } from "../place/restore-options.ts";
import { surveyTarget, type TargetSurvey } from "../place/restore-survey.ts";
import { resolveTarget } from "../place/restore-target.ts";
import type { EntryNames } from "../selection/archive-entry.ts";
import { selectionChecks } from "../selection/describe-selection.ts";
import { type ArchiveSelection, readSelection } from "../selection/read-selection.ts";
import type { ClientTools } from "../tools.ts";
import { checkRowsTarget, checkServer, type Fillable } from "./rows-target.ts";

/** Room that stays free on the temporary disk beside the archive. */
const reserveBytes = 64 * 1024 * 1024;

export interface RowsDecision extends Fillable {
  readonly settings: ConnectionSettings;
  readonly survey: TargetSurvey;
  readonly tools: ClientTools;
  readonly selection: ArchiveSelection;
  readonly onDisk: boolean;
}

export interface DecidedRows {
  readonly settings: ConnectionSettings;
  readonly checks: readonly Finding[];
  readonly decision?: RowsDecision | undefined;
}

/** Whether rows alone are asked for. */
export function asksForRows({ flags }: Pick<RestoreRequest, "flags">): boolean {
  return flags?.has("data-only") === true;
}

/** Errors: as `decideRestore`. */
export async function decideRows(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<DecidedRows> {
  const { facts } = backup;
  const settings = await resolveTarget(request.target, source, context);
  if (context.requireTls === true) assertEncrypted(settings);
  const survey = await surveyTarget(settings, facts, {}, context.signal);
  const wishes = readWishes(request.flags, request.values);
  const checks = checkServer({ facts, settings, survey, request, wishes, withoutExtensions: [] });
  if (checks.some(({ level }) => level === "error")) return { settings, checks };
  const tools = await findArchiveTools(facts, context, survey.serverMajor);
  const part = { only: request.only, content: "rows" } as const;
  const selection = await readSelection(tools.pgRestore, streamArchive(backup), part, context);
  const fillable = fillableOf(selection);
  const neutral = withNeutralSettings(settings, survey.serverMajor, survey.superuser);
  const found = await withConnection(neutral, context, (connection) => checkRowsTarget(fillable, survey, connection));
  const onDisk = (await freeBytes(context.temporaryDirectory)) >= archiveBytesOnDisk(backup) + reserveBytes;
  const decision = { ...fillable, settings, survey, tools, selection, onDisk };
  return { settings, checks: [...checks, ...found, ...selectionChecks(selection)], decision };
}

function fillableOf({ entries, loaded }: ArchiveSelection): Fillable {
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
  const chosen = entries.filter(({ dumpId }) => loaded.has(dumpId));
  const filled = (type: string, of: string): EntryNames[] =>
    chosen
      .filter((entry) => entry.type === type)
      .flatMap(({ dependencies }) => dependencies.map((dumpId) => byId.get(dumpId)).find((other) => other?.type === of) ?? []);
  return {
    tables: filled("TABLE DATA", "TABLE"),
    sequences: filled("SEQUENCE SET", "SEQUENCE"),
    largeObjects: chosen.some(({ type }) => type.startsWith("BLOB")),
  };
}

/** Says what restoring rows there would do (Engine.planRestore). Errors: as `decideRows`. */
export async function planRows(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestorePlan> {
  const { settings, checks, decision } = await decideRows(backup, source, request, context);
  const steps =
    decision === undefined
      ? []
      : [
          `load the rows of ${decision.tables.length} tables and the values of ${decision.sequences.length} sequences, in one transaction, with triggers and foreign keys silent`,
          "look for rows that refer to rows which are not there",
          "dump the rows again and compare every table with the backup",
          "collect statistics of these tables (ANALYZE)",
        ];
  // What the target holds stays: nothing of it is backed up first.
  return { target: describePlace(settings), steps, occupied: false, checks };
}
