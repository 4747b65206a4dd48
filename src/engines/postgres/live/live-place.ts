/**
 * A restore into a live database as a place: the backup is loaded and compared in a staging copy,
 * and `commit` moves the table, or puts back its rows.
 */
import type { Readable } from "node:stream";
import { HoldfastError, isHoldfastError } from "../../../errors/holdfast-error.ts";
import { defaultSandbox } from "../../../policy/defaults.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import { abortError } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { LiveOutcome, Place } from "../../place.ts";
import { requirePassed } from "../../preflight.ts";
import type { RestoreRequest } from "../../restore-request.ts";
import { streamArchive } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { describePlace } from "../connection/connection.ts";
import { sqlStateOf } from "../connection/driver-errors.ts";
import type { LoadedPlace } from "../place/dump-loaded.ts";
import { openPostgresThrowaway } from "../place/throwaway.ts";
import { openScript } from "../script/archive-script.ts";
import { isKeyLeftOut } from "../selection/describe-selection.ts";
import type { ClientTools } from "../tools.ts";
import { checkLive, type LiveDatabase, surveyLive } from "./live-database.ts";
import type { LiveRequest } from "./live-request.ts";
import type { LiveWork } from "./live-work.ts";
import { openStaging } from "./staging.ts";
import { workOnLive } from "./work-on-live.ts";

/**
 * Opens the staging copy; the live database is only looked at. Errors: as surveyLive;
 * RestoreRefused where a check fails; those of openPostgresThrowaway.
 */
export async function openLivePlace(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  wanted: LiveRequest,
  context: RunContext,
): Promise<Place> {
  const live = await surveyLive(request.target, source, context);
  requirePassed(checkLive(live, backup.facts.serverMajor), describePlace(live.settings));
  const tools = await findArchiveTools(backup.facts, context, live.serverMajor);
  // What came with the backup runs as it does in a restore test.
  const confined = { ...context, sandbox: source?.restoreTest.sandbox ?? defaultSandbox };
  const staged = await openPostgresThrowaway(backup, confined, source, request.only);
  return createPlace({ backup, wanted, live, tools, staged, context: confined });
}

interface Parts {
  readonly backup: PostgresBackup;
  readonly wanted: LiveRequest;
  readonly live: LiveDatabase;
  readonly tools: ClientTools;
  readonly staged: LoadedPlace;
  readonly context: RunContext;
}

function createPlace(parts: Parts): Place {
  const { staged, live, tools } = parts;
  let outcome: LiveOutcome | undefined;
  return {
    ...staged,
    facts: { ...staged.facts, target: describePlace(live.settings), toolVersion: tools.version },
    // What becomes of the table's keys is in the outcome: the staging copy never has them.
    load: async () => {
      const loaded = await staged.load();
      return { ...loaded, findings: loaded.findings.filter((finding) => !isKeyLeftOut(finding)) };
    },
    // The policy's assertions are about a whole database.
    assert: async () => [],
    commit: async () => {
      outcome = await guard(() => work(parts), parts);
    },
    live: () => {
      if (outcome === undefined) throw new HoldfastError("Internal", "a live database was asked before anything was moved");
      return outcome;
    },
  };
}

async function work({ backup, wanted, live, tools, staged, context }: Parts): Promise<LiveOutcome> {
  // One program writes the copy's definitions and, afterwards, those of what became of it.
  const database = { ...staged.loadedDatabase(), pgDump: tools.pgDump };
  const staging = await openStaging(database, backup.facts.serverMajor, context);
  try {
    const openDefinitions = (): Promise<Readable> =>
      openScript(tools.pgRestore, streamArchive(backup), context, { schemaOnly: true, headOnly: true });
    const request: LiveWork = { wanted, live, staging, tools, openDefinitions };
    return await workOnLive(request, context);
  } finally {
    await staging.close();
  }
}

/** What the server says in the middle of a move: whatever it was, the transaction took it back. */
async function guard<T>(use: () => Promise<T>, { live, context }: Parts): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (context.signal.aborted) throw abortError(context.signal);
    if (isHoldfastError(error) && !isHoldfastError(error, "SourceUnreachable", "SourceAccessDenied")) throw error;
    const words = error instanceof Error ? error.message : String(error);
    const lock = sqlStateOf(error) === "55P03";
    throw new HoldfastError("RestoreFailed", `the restore into ${describePlace(live.settings)} failed: ${words}`, {
      cause: error,
      details: isHoldfastError(error) ? error.details : [],
      hint: lock
        ? "Somebody else holds the table's lock (pg_locks says who); nothing was changed. Try again when it is free."
        : "Nothing was changed there; fix the cause and restore again.",
    });
  }
}
