/**
 * Progress of something long for a person who waits: a line when a step begins, and lines that say
 * how far it is, with the time.
 */

export interface StepProgress {
  /** Begins a step, and ends the one before. */
  step(text: string): void;
  /**
   * What the step is doing: printed at once if nothing was for some seconds, else with the next
   * line.
   */
  doing(text: string): void;
  end(): void;
}

/**
 * A line after so long a silence; a reader who sees nothing for ten seconds thinks that it hangs.
 */
const quietMs = 5_000;

/**
 * Prints through `print`; `now` is in milliseconds. A timer keeps the lines coming while nothing is
 * told.
 */
export function startProgress(print: (line: string) => void, now: () => number = () => performance.now()): StepProgress {
  const startedAt = now();
  let saidAt = startedAt;
  let current = "";
  let detail = "";
  let said = "";
  const say = (text: string): void => {
    saidAt = now();
    print(`${`${Math.round((saidAt - startedAt) / 1000)} s`.padStart(6)}  ${text}`);
  };
  const remind = (): void => {
    if (current === "" || now() - saidAt < quietMs) return;
    const text = detail === "" ? current : detail;
    say(`  ${text === said ? "still " : ""}${text}`);
    said = text;
  };
  const timer = setInterval(remind, 1_000);
  timer.unref();
  return {
    step(text) {
      current = text;
      detail = "";
      said = text;
      say(text);
    },
    doing(text) {
      detail = text;
      remind();
    },
    end() {
      current = "";
      clearInterval(timer);
    },
  };
}
