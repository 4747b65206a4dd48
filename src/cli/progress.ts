/** Progress on stderr: a redrawn line with throughput and time left on a terminal, plain lines a phase elsewhere. */
import { formatBytes, formatDuration, formatThroughput } from "../report/format.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Progress } from "../runtime/run-context.ts";
import type { Terminal } from "./terminal.ts";

/** Often enough to look alive, seldom enough to cost nothing. */
const redrawIntervalMs = 200;

export interface TerminalProgress extends Progress {
  /** Ends the last phase. */
  end(): void;
}

export function createProgress(terminal: Terminal, clock: Clock): TerminalProgress {
  let current: { name: string; expectedBytes: number | undefined; startedMs: number; bytes: number } | undefined;
  let drawnMs = 0;

  const end = (): void => {
    if (current === undefined) return;
    terminal.statusLine("");
    const { name, bytes, startedMs } = current;
    const elapsedMs = clock.monotonicMs() - startedMs;
    const moved = bytes === 0 ? "" : `${formatBytes(bytes)}, ${formatThroughput(bytes, elapsedMs)}, `;
    terminal.note(`${name}: ${moved}${formatDuration(elapsedMs)}`);
    current = undefined;
  };

  const draw = (): void => {
    if (current === undefined || !terminal.interactive) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - drawnMs < redrawIntervalMs) return;
    drawnMs = nowMs;
    terminal.statusLine(describe(current, nowMs - current.startedMs));
  };

  return {
    phase(name, expectedBytes) {
      end();
      current = { name, expectedBytes, startedMs: clock.monotonicMs(), bytes: 0 };
      drawnMs = 0;
      draw();
    },
    advance(bytes) {
      if (current === undefined) return;
      current.bytes += bytes;
      draw();
    },
    end,
  };
}

function describe(
  { name, bytes, expectedBytes }: { name: string; bytes: number; expectedBytes: number | undefined },
  elapsedMs: number,
): string {
  const moved = `${name}  ${formatBytes(bytes)}  ${formatThroughput(bytes, elapsedMs)}`;
  // An estimate that was passed is no estimate any more.
  if (expectedBytes === undefined || bytes === 0 || bytes >= expectedBytes) return moved;
  const leftMs = (elapsedMs * (expectedBytes - bytes)) / bytes;
  return `${moved}  ${Math.floor((100 * bytes) / expectedBytes)} %  about ${formatDuration(leftMs)} left`;
}
