/** Says what a restore into a live database would do, in words. */
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { RestorePlan, RestoreRequest } from "../../restore-request.ts";
import { streamArchive } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { describePlace } from "../connection/connection.ts";
import { readStanding } from "../place/restore-standing.ts";
import { superuserWarning } from "../place/restore-steps.ts";
import { selectionChecks } from "../selection/describe-selection.ts";
import { readSelection } from "../selection/read-selection.ts";
import { findServerTools } from "../tools.ts";
import { checkLive, surveyLive } from "./live-database.ts";
import type { LiveRequest } from "./live-request.ts";

/**
 * Touches nothing, and reads no rows: they are counted by the restore itself, without its word.
 * Errors: as surveyLive and readSelection; ToolMissing, where no staging copy can be made here.
 */
export async function planLiveRestore(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  wanted: LiveRequest,
  context: RunContext,
): Promise<RestorePlan> {
  const live = await surveyLive(request.target, source, context);
  const { version } = await findServerTools(backup.facts.serverMajor, context);
  const tools = await findArchiveTools(backup.facts, context);
  const part = { only: request.only, content: "all" } as const;
  const selection = await readSelection(tools.pgRestore, streamArchive(backup), part, context);
  const intoLive = wanted.mode === "rows" && wanted.confirmed;
  const chosen = wanted.where === undefined ? [] : ["keep the rows there that meet the condition after --where"];
  const moved = wanted.mode === "beside" ? describeBeside(wanted) : describeRows(wanted);
  return {
    target: describePlace(live.settings),
    occupied: false,
    ...(intoLive
      ? {
          intoLive,
          standing: await readStanding(live.settings, { maintenance: live.settings, sessions: live.sessions }, context.signal),
        }
      : {}),
    steps: [
      `load the backup into a throwaway server of PostgreSQL ${version} on this machine, and compare it with the backup`,
      ...chosen,
      `connect to ${describePlace(live.settings)}, PostgreSQL ${live.serverVersion}, as "${live.settings.user}"`,
      ...(live.superuser && wanted.mode === "beside" ? [superuserWarning(live.settings)] : []),
      ...moved,
    ],
    checks: [...checkLive(live, backup.facts.serverMajor), ...selectionChecks(selection)],
  };
}

const describeBeside = ({ table, as }: LiveRequest): string[] => [
  `give ${table} and all that belongs to it new names in the copy: ${as ?? "its name with _restored"}, or with a number where one is taken`,
  "leave out triggers, rules and foreign keys to and from other tables",
  "make it in the live database in one transaction, compare its rows there, and commit",
  "compare its definitions with those of the copy",
];

const describeRows = ({ table, triggers, confirmed }: LiveRequest): string[] => [
  `copy its rows into a temporary table beside ${table}, and count which are there, which were changed since, and which are missing`,
  ...(confirmed
    ? [
        `insert those that are missing; ${triggers ? "triggers of the live table fire" : "triggers of the live table are switched off meanwhile, and writers wait"}`,
        "look for each of them by its key, compare its values, and commit; rows that are there stay as they are",
        "where the live table is gone: make it again, with its triggers and foreign keys",
      ]
    : ["change nothing: that takes --yes"]),
];
