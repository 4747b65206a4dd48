/**
 * Histories that a local cloud recorded of the sample stack (sample-stack.ts), as the SDK gives
 * them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HistoryEvent } from "@aws-sdk/client-sfn";

export const recordedNames = ["succeeded", "retried", "timed-out", "stopped", "mapped"] as const;

export function recorded(name: (typeof recordedNames)[number]): readonly HistoryEvent[] {
  const text = readFileSync(join(import.meta.dirname, "histories", `${name}.json`), "utf8");
  return JSON.parse(text, (key, value) => (key === "timestamp" ? new Date(value) : value));
}
