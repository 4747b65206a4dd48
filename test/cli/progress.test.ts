import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createProgress } from "../../src/cli/progress.ts";
import type { Clock } from "../../src/runtime/clock.ts";

/** What the screen shows: the notes, and the status line as it was redrawn. */
function screen(interactive: boolean) {
  const notes: string[] = [];
  const drawn: string[] = [];
  let line = "";
  return {
    notes,
    drawn,
    line: () => line,
    terminal: {
      interactive,
      note(text: string) {
        // A note over a status line would leave half of it on the screen.
        expect(line).toBe("");
        notes.push(text);
      },
      statusLine(text: string) {
        line = interactive ? text : "";
        if (text !== "") drawn.push(text);
      },
    },
  };
}

let nowMs = 0;
const clock: Clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };

/** Time passes for the injected clock and for timers alike. */
function pass(milliseconds: number): void {
  for (let left = milliseconds; left > 0; left -= 100) {
    nowMs += Math.min(100, left);
    vi.advanceTimersByTime(Math.min(100, left));
  }
}

beforeEach(() => {
  nowMs = 1_000_000;
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("on a terminal", () => {
  test("the line shows bytes, throughput, share and time left", () => {
    const { terminal, line } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("dump", 100_000_000);
    expect(line()).toBe("dump");
    progress.advance(25_000_000);
    pass(10_000);
    expect(line()).toBe("dump  25.0 MB  2.5 MB/s  25 %  about 30 s left");
  });

  test("no time left is told before enough was done: a first second would say hours", () => {
    const { terminal, line } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("dump", 100_000_000_000);
    progress.advance(65_536);
    pass(1000);
    expect(line()).toBe("dump  65.5 kB  65.5 kB/s");
    pass(20_000);
    progress.advance(2_000_000_000);
    pass(1000);
    expect(line()).toContain(" left");
  });

  test("of a very large phase it is told after a minute", () => {
    const { terminal, line } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("dump", 10_000_000_000_000);
    progress.advance(30_000_000_000);
    pass(59_000);
    expect(line()).not.toContain("left");
    pass(2_000);
    expect(line()).toContain("about 5 h 38 min left");
  });

  test("an estimate that was passed is not shown any more", () => {
    const { terminal, line } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("dump", 1000);
    progress.advance(2000);
    pass(1000);
    expect(line()).toBe("dump  2.0 kB  2.0 kB/s");
  });

  test("without an expected size there is no time left to tell", () => {
    const { terminal, line } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("verify");
    progress.advance(4_000_000);
    pass(2000);
    expect(line()).toBe("verify  4.0 MB  2.0 MB/s");
  });

  test("it is redrawn five times a second at most, however many chunks come", () => {
    const { terminal, drawn } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("dump", 1e9);
    for (let chunk = 0; chunk < 10_000; chunk++) {
      nowMs += 0.1;
      progress.advance(100);
    }
    expect(drawn.length).toBeGreaterThan(3);
    expect(drawn.length).toBeLessThanOrEqual(7);
  });

  test("a phase that moves no bytes counts its seconds, so that it does not look hung", () => {
    const { terminal, line } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("load");
    pass(12_300);
    expect(line()).toBe("load  12 s");
  });

  test("after the end no timer draws on", () => {
    const { terminal, line, notes } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("load");
    pass(3000);
    progress.end();
    expect(line()).toBe("");
    expect(notes).toEqual(["load: 3 s"]);
    expect(vi.getTimerCount()).toBe(0);
    pass(3000);
    expect(line()).toBe("");
  });

  test("a phase that failed is wiped away without a word", () => {
    const { terminal, line, notes } = screen(true);
    const progress = createProgress(terminal, clock);
    progress.phase("dump");
    pass(1000);
    progress.advance(1_000_000);
    progress.abandon();
    progress.end();
    expect(line()).toBe("");
    expect(notes).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("not on a terminal", () => {
  test("each phase is one plain line when it is over", () => {
    const { terminal, drawn, notes } = screen(false);
    const progress = createProgress(terminal, clock);
    progress.phase("dump", 10_000_000);
    pass(2000);
    progress.advance(10_000_000);
    progress.phase("verify", 10_000_000);
    pass(1000);
    progress.advance(10_000_000);
    progress.end();
    expect(notes).toEqual(["dump: 10.0 MB, 5.0 MB/s, 2 s", "verify: 10.0 MB, 10.0 MB/s, 1 s"]);
    expect(drawn).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a phase that moved nothing in no time is not worth a line", () => {
    const { terminal, notes } = screen(false);
    const progress = createProgress(terminal, clock);
    progress.phase("compare");
    pass(20);
    progress.phase("compare", 1000);
    pass(20);
    progress.advance(1000);
    progress.end();
    expect(notes).toEqual(["compare: 1.0 kB, 50.0 kB/s, 20 ms"]);
  });

  test("bytes outside any phase are nobody's", () => {
    const { terminal, notes } = screen(false);
    const progress = createProgress(terminal, clock);
    progress.advance(1000);
    progress.end();
    expect(notes).toEqual([]);
  });
});
