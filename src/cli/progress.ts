/**
 * Progress on stderr: a redrawn line with throughput and time left on a terminal, plain lines a
 * phase elsewhere.
 */
import { formatBytes, formatDuration, formatThroughput } from "../report/format.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Progress } from "../runtime/run-context.ts";
import type { Terminal } from "./terminal.ts";

/** Often enough to look alive, seldom enough to cost nothing. */
const redrawIntervalMs = 200;
/**
 * A phase that moves no bytes is redrawn by the clock alone, so that a long one does not look hung.
 */
const tickIntervalMs = 1000;
/** A phase that moved nothing and took less is not worth a line. */
const shortestTellingMs = 100;
/**
 * The time left is told from then on, when this share is done; or, of the very large, after a
 * while.
 */
const minTellingMs = 5_000;
const minTellingShare = 0.02;
const patientTellingMs = 60_000;

export interface TerminalProgress extends Progress {
  /** Ends the last phase. */
  end(): void;
  /** Removes the line without a word about its phase, which failed; harmless after `end`. */
  abandon(): void;
}

interface Phase {
  readonly name: string;
  readonly expectedBytes: number | undefined;
  readonly startedMs: number;
  bytes: number;
}

/**
 * Progress of one command. Until `end`, a timer redraws the line on a terminal; it keeps no process
 * alive.
 */
export function createProgress(terminal: Pick<Terminal, "interactive" | "note" | "statusLine">, clock: Clock): TerminalProgress {
  let current: Phase | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const draw = (): void => {
    if (current === undefined || !terminal.interactive) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - drawnMs < redrawIntervalMs) return;
    drawnMs = nowMs;
    terminal.statusLine(lineOf(current, nowMs - current.startedMs));
  };

  const tell = (): void => {
    if (current === undefined) return;
    const { name, bytes, startedMs } = current;
    const elapsedMs = clock.monotonicMs() - startedMs;
    current = undefined;
    terminal.statusLine("");
    if (bytes === 0 && elapsedMs < shortestTellingMs) return;
    const moved = bytes === 0 ? "" : `${formatBytes(bytes)}, ${formatThroughput(bytes, elapsedMs)}, `;
    terminal.note(`${name}: ${moved}${formatDuration(elapsedMs)}`);
  };

  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    terminal.statusLine("");
  };

  return {
    phase(name, expectedBytes) {
      tell();
      current = { name, expectedBytes, startedMs: clock.monotonicMs(), bytes: 0 };
      drawnMs = Number.NEGATIVE_INFINITY;
      draw();
      if (terminal.interactive) timer ??= setInterval(draw, tickIntervalMs).unref();
    },
    advance(bytes) {
      if (current === undefined) return;
      current.bytes += bytes;
      draw();
    },
    end() {
      stop();
      tell();
    },
    abandon() {
      stop();
      current = undefined;
    },
  };
}

function lineOf({ name, bytes, expectedBytes }: Phase, elapsedMs: number): string {
  if (bytes === 0) return elapsedMs < tickIntervalMs ? name : `${name}  ${formatDuration(wholeSeconds(elapsedMs, Math.floor))}`;
  const moved = `${name}  ${formatBytes(bytes)}  ${formatThroughput(bytes, elapsedMs)}`;
  // An estimate that was passed is none, and one of the first seconds would be a guess: tools start
  // slowly.
  if (expectedBytes === undefined || bytes >= expectedBytes || !isTelling(bytes / expectedBytes, elapsedMs)) return moved;
  const leftMs = (elapsedMs * (expectedBytes - bytes)) / bytes;
  return `${moved}  ${Math.floor((100 * bytes) / expectedBytes)} %  about ${formatDuration(wholeSeconds(leftMs, Math.ceil))} left`;
}

/** Whether so much was done, in so much time, that what is left can be estimated. */
function isTelling(share: number, elapsedMs: number): boolean {
  return elapsedMs >= (share >= minTellingShare ? minTellingMs : patientTellingMs);
}

/** A guess in milliseconds would look like a measurement. */
function wholeSeconds(milliseconds: number, round: (seconds: number) => number): number {
  return round(milliseconds / 1000) * 1000;
}
