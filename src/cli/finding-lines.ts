/** A finding for people: how bad it is, what it says, and how to fix it. */
import type { Finding } from "../engines/finding.ts";
import type { Terminal } from "./terminal.ts";

const labels = {
  ok: ["green", "ok     "],
  note: ["cyan", "note   "],
  warning: ["yellow", "warning"],
  error: ["red", "error  "],
} as const;

export function findingLines(terminal: Terminal, { level, subject, message, remedy }: Finding): readonly string[] {
  const [style, label] = labels[level];
  return [
    `  ${terminal.style(style, label)}  ${subject}: ${message}`,
    ...(remedy === undefined ? [] : [`           ${terminal.style("cyan", "fix:")} ${remedy}`]),
  ];
}
