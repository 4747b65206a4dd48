/**
 * Starting pg_dump on a locked snapshot: it must get its own locks, which a statement in the
 * server's queue can prevent.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { ToolStream } from "../../../runtime/child-process.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { describePlace } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { type Blocker, describeBlocker, findStandoff } from "./find-blockers.ts";
import { type LockedSnapshot, type LockRequest, lockForSnapshot } from "./lock-tables.ts";

/**
 * How often a starting pg_dump is looked at; it needs its locks for a fraction of a second, or is
 * being waited for.
 */
const startPollMs = 200;
/**
 * Later a standoff is possible for an extension's own tables only, which pg_dump locks when it
 * comes to them.
 */
const runPollMs = 5_000;

export interface StartedDump extends LockedSnapshot {
  /** pg_dump, which holds its locks. */
  readonly archive: ToolStream;
}

export interface StartRequest extends LockRequest {
  /** What this pg_dump calls itself at the server: no other session does. */
  readonly application: string;
  /** Starts pg_dump on the snapshot. */
  readonly start: (locked: LockedSnapshot) => Promise<ToolStream>;
}

/**
 * Locks, takes the snapshot, starts pg_dump and waits until that holds its locks too. PostgreSQL
 * lets a new request wait behind one that waits already: an ALTER TABLE that came after our lock
 * and before pg_dump's waits for us, and pg_dump for it. Then pg_dump is stopped, our locks are
 * given back, and all begins again after that statement. Nothing has been written by then.
 * Errors: as `lockForSnapshot`, and those of pg_dump.
 */
export async function startDump(request: StartRequest, context: RunContext): Promise<StartedDump> {
  const deadlineMs = context.clock.monotonicMs() + request.limits.maxWaitMs;
  for (;;) {
    const locked = await lockForSnapshot(request, context);
    const archive = await request.start(locked);
    const standoff = await waitForLocks(archive, request);
    if (standoff === undefined) return { ...locked, archive };
    archive.stdout.destroy();
    await archive.done.catch(() => undefined);
    await request.connection.run("ROLLBACK");
    if (context.clock.monotonicMs() >= deadlineMs) throw standoffError(standoff, request);
    context.log.info(`beginning again after a statement that came between the locks: ${describeBlocker(standoff)}`);
    await sleep(request.limits.pauseMs, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
}

/**
 * Resolves when pg_dump holds all its locks (it writes nothing before), or with who keeps it from
 * them.
 */
async function waitForLocks(archive: ToolStream, request: StartRequest): Promise<Blocker | undefined> {
  const { observer, connection, application } = request;
  const writing = firstBytes(archive);
  for (;;) {
    const waiting = new AbortController();
    const pause = sleep(startPollMs, "waiting" as const, { signal: waiting.signal }).catch(() => "waiting" as const);
    const state = await Promise.race([writing, pause]);
    waiting.abort();
    if (state === "writing") return undefined;
    const standoff = observer && (await findStandoff(observer, connection.pid, application).catch(() => undefined));
    if (standoff !== undefined) return standoff;
  }
}

/**
 * Resolves with the archive's first bytes, which stay in the stream. Errors: pg_dump's, when it
 * ends badly before.
 */
function firstBytes({ stdout, done }: ToolStream): Promise<"writing"> {
  return new Promise((resolve, reject) => {
    const listen = (): void => {
      stdout.off("readable", listen);
      resolve("writing");
    };
    stdout.on("readable", listen);
    done.then(() => resolve("writing"), reject);
  });
}

function standoffError(blocker: Blocker, { settings }: Pick<StartRequest, "settings">): HoldfastError {
  const message = `pg_dump of ${describePlace(settings)} waits for a lock behind ${describeBlocker(blocker)}, which waits for this dump`;
  return new HoldfastError("DumpFailed", message, {
    hint: "Run the backup again outside of schema changes; that statement goes on now.",
  });
}

/**
 * Calls `fail` when pg_dump, while it runs, waits behind a statement that waits for this dump:
 * neither would ever end.
 */
export function watchStandoff(
  request: Pick<StartRequest, "observer" | "connection" | "application" | "settings">,
  ended: AbortSignal,
  fail: (error: HoldfastError) => void,
): Promise<void> {
  const { observer, connection, application } = request;
  const watch = async (watching: Connection): Promise<void> => {
    while (!ended.aborted) {
      await sleep(runPollMs, undefined, { signal: ended });
      const standoff = await findStandoff(watching, connection.pid, application);
      if (standoff !== undefined && !ended.aborted) return fail(standoffError(standoff, request));
    }
  };
  // An observer that is lost tells nothing more; the dump's own sessions tell of a lost server.
  return observer === undefined ? Promise.resolve() : watch(observer).catch(() => undefined);
}
