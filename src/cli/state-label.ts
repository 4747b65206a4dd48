/** A backup's state or a check's outcome, in the colour that says how far to trust it. */
import type { Terminal } from "./terminal.ts";

const styles = {
  proven: "green",
  verified: "green",
  stored: "yellow",
  suspicious: "yellow",
  unproven: "yellow",
  accepted: "green",
  restored: "green",
  damaged: "red",
  disproven: "red",
} as const;

export function stateLabel(terminal: Terminal, state: string): string {
  return terminal.style(styles[state as keyof typeof styles] ?? "white", state);
}
