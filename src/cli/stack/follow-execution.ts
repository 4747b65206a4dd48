/** Follows an execution to its end, and says what happens in it meanwhile. */
import { setTimeout as wait } from "node:timers/promises";
import { type HoldfastError, isHoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import { formatDuration } from "../../report/format.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Terminal } from "../terminal.ts";
import { type FoldedHistory, foldHistory, type HistoryLine, type StateRun } from "./fold-history.ts";
import type { ExecutionDescription, MapCounts, StepFunctions } from "./step-functions.ts";

export interface Followed {
  readonly history: FoldedHistory;
  /** As AWS describes it; absent when following ended before anything was heard. */
  readonly description?: ExecutionDescription | undefined;
  readonly maps: readonly MapCounts[];
  /**
   * Why following ended before the execution did: it was interrupted, the rights or the connection
   * were lost.
   */
  readonly stopped?: HoldfastError | undefined;
}

export interface Follower {
  readonly terminal: Pick<Terminal, "interactive" | "note" | "statusLine">;
  readonly clock: Clock;
  /** Ends the following, never the execution. */
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds; default: a second, and three after a minute. */
  readonly pollMs?: number | undefined;
}

/** AWS allows 20 looks a second at all histories of an account together. */
const soonMs = 1000;
const laterMs = 3000;
const soonForMs = 60_000;
/** A laptop that changes its network, or sleeps for a moment, loses nothing. */
const patienceMs = 300_000;
/**
 * How long an execution that was just started may be unknown: AWS's answers are eventually
 * consistent.
 */
const unknownMs = 15_000;
/** Where no status line is redrawn, a Map's figures are told this often. */
const mapTellingMs = 30_000;
/** Rounds in which the description says that it ended and the history does not yet. */
const maxLag = 5;

interface Watch {
  history: FoldedHistory;
  description?: ExecutionDescription | undefined;
  maps: readonly MapCounts[];
  /** How many of the history's lines were shown. */
  shown: number;
  lag: number;
  /** Maps whose end was told. */
  readonly toldMaps: Set<number>;
  mapsToldMs: number;
  mapsDenied: boolean;
}

/** Follows to the end; errors of the following itself are in the result. */
export async function followExecution(api: StepFunctions, arn: string, follower: Follower): Promise<Followed> {
  const { clock, signal, terminal } = follower;
  const startedMs = clock.monotonicMs();
  const watch: Watch = {
    history: foldHistory([]),
    maps: [],
    shown: 0,
    lag: 0,
    toldMaps: new Set(),
    mapsToldMs: startedMs,
    mapsDenied: false,
  };
  let silentSinceMs: number | undefined;
  try {
    for (;;) {
      const nowMs = clock.monotonicMs();
      try {
        if (await look(api, arn, watch, follower)) break;
        silentSinceMs = undefined;
      } catch (error) {
        silentSinceMs ??= nowMs;
        const silentMs = nowMs - silentSinceMs;
        if (!isPassing(error, watch, silentMs)) throw error;
        if (silentMs === 0) terminal.note(`warning: ${(error as HoldfastError).message}; looking again`);
      }
      await wait(follower.pollMs ?? (nowMs - startedMs < soonForMs ? soonMs : laterMs), undefined, { signal });
    }
  } catch (error) {
    return { ...resultOf(watch), stopped: toHoldfastError(error) };
  } finally {
    terminal.statusLine("");
  }
  return resultOf(watch);
}

function resultOf({ history, description, maps }: Watch): Followed {
  return { history, maps, description };
}

function isPassing(error: unknown, { history }: Watch, silentMs: number): boolean {
  if (isHoldfastError(error, "StackUnavailable")) return silentMs < patienceMs;
  return isHoldfastError(error, "ExecutionNotFound") && history.startedAt === undefined && silentMs < unknownMs;
}

/** One look; true when the execution has ended, and everything about its end is known. */
async function look(api: StepFunctions, arn: string, watch: Watch, follower: Follower): Promise<boolean> {
  watch.history = foldHistory(await api.readHistory(arn));
  const { lines, startedAt, end } = watch.history;
  const fresh = lines.slice(watch.shown);
  for (const line of fresh) follower.terminal.note(renderLine(line, startedAt ?? line.at));
  watch.shown = lines.length;
  await lookAtMaps(api, arn, watch, follower);
  showStatus(watch, follower);
  // The history tells the end first; where it is silent, the description knows whether anything is
  // left to wait for.
  if (end === undefined && fresh.length > 0) return false;
  watch.description = await api.describe(arn);
  if (watch.description.status === "RUNNING") return false;
  return end !== undefined || ++watch.lag >= maxLag;
}

async function lookAtMaps(api: StepFunctions, arn: string, watch: Watch, { terminal, clock }: Follower): Promise<void> {
  const untold = watch.history.states.filter(({ type, enteredAt }) => type === "Map" && !watch.toldMaps.has(enteredAt.getTime()));
  if (untold.length === 0 || watch.mapsDenied) return;
  try {
    watch.maps = await api.countMaps(arn);
  } catch (error) {
    // The figures are optional; a user who may not see them still follows the states.
    if (!isHoldfastError(error, "StackAccessDenied")) throw error;
    watch.mapsDenied = true;
    terminal.note(`warning: ${error.message}`);
    return;
  }
  const nowMs = clock.monotonicMs();
  const due = !terminal.interactive && nowMs - watch.mapsToldMs >= mapTellingMs;
  if (due) watch.mapsToldMs = nowMs;
  for (const run of untold) {
    const counts = countsOf(run, watch.maps);
    if (run.leftAt !== undefined) watch.toldMaps.add(run.enteredAt.getTime());
    if (counts === undefined || (run.leftAt === undefined && !due)) continue;
    const at = run.leftAt ?? clock.now();
    terminal.note(renderLine({ at, state: run.name, text: describeCounts(counts) }, watch.history.startedAt ?? at));
  }
}

/** The figures of the Map run that this visit of the state began last. */
export function countsOf({ type, enteredAt, leftAt }: StateRun, maps: readonly MapCounts[]): MapCounts | undefined {
  if (type !== "Map") return undefined;
  return maps.findLast(({ startedAt }) => startedAt >= enteredAt && (leftAt === undefined || startedAt <= leftAt));
}

function describeCounts({ total, succeeded, failed, running }: MapCounts): string {
  return [
    `${succeeded + failed} of ${total} done`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(running === 0 ? [] : [`${running} running`]),
  ].join(", ");
}

function showStatus({ history, maps }: Watch, { terminal, clock }: Follower): void {
  const running = history.states.filter(({ outcome }) => outcome === "running");
  terminal.statusLine(
    running
      .map((run) => {
        const elapsedMs = Math.max(0, clock.now().getTime() - run.enteredAt.getTime());
        const counts = countsOf(run, maps);
        const parts = [formatDuration(Math.floor(elapsedMs / 1000) * 1000)];
        if (run.attempts > 1) parts.push(`attempt ${run.attempts}`);
        if (counts !== undefined) parts.push(describeCounts(counts));
        return `${run.name}  ${parts.join(", ")}`;
      })
      .join("; "),
  );
}

/** Wide enough for the times of a run of days, and for the names of the machines' states. */
const timeColumns = 10;
const stateColumns = 18;

/** `  1 min 5 s  Dump                done in 12 s`: since the start, the state, what happened. */
export function renderLine({ at, state = "", text }: HistoryLine, startedAt: Date): string {
  const since = formatDuration(Math.max(0, at.getTime() - startedAt.getTime()));
  return `${since.padStart(timeColumns)}  ${state.padEnd(stateColumns)}  ${text}`;
}
