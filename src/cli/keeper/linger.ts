/**
 * The keeper's side: after the outcome was said, the process lets go of the command that started it
 * and waits until the restore's time is over, or somebody ends it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../runtime/clock.ts";
import type { Ready } from "./start-keeper.ts";

/** A machine that slept in between must not keep longer than it said. */
const maxSleepMs = 10_000;

/** Says that all is said; from here on nobody reads what this process writes. */
export async function letGo(exitCode: number): Promise<void> {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on("error", () => undefined);
  const ready: Ready = { exitCode, stdoutBytes: bytesOf(stdout), stderrBytes: bytesOf(stderr) };
  if (process.send === undefined) return;
  // Until now the end of the command that started it was its end too (bin/end-with-parent.mjs).
  process.removeAllListeners("disconnect");
  await new Promise<void>((resolve) => process.send?.(ready, () => resolve()));
  if (process.connected) process.disconnect();
}

function bytesOf(stream: NodeJS.WriteStream): number {
  return (stream as unknown as { readonly bytesWritten?: number }).bytesWritten ?? 0;
}

/** Resolves at `until`, or when the signal comes. */
export async function waitUntil(until: Date, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const leftMs = until.getTime() - clock.now().getTime();
    if (leftMs <= 0) return;
    await sleep(Math.min(leftMs, maxSleepMs), undefined, { signal }).catch(() => undefined);
  }
}
