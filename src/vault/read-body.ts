/** How a store takes a body: chunk by chunk, and stopping at once when it is told to. */
import { HoldfastError } from "../errors/holdfast-error.ts";

/** Why `signal` was aborted, as an error that can be thrown: its own reason, or Interrupted. */
export function abortReason(signal: AbortSignal): Error {
  const { reason } = signal;
  if (reason instanceof Error && reason.name !== "AbortError") return reason;
  return new HoldfastError("Interrupted", "the operation was interrupted", { cause: reason });
}

/**
 * The chunks of `body`, empty ones left out. Fails with the signal's reason as soon as it is
 * aborted, even while the body's producer is silent, and with the body's own error when that fails.
 * A consumer that stops early stops the producer.
 */
export async function* readBody(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal.aborted) throw abortReason(signal);
  if (body instanceof Uint8Array) {
    if (body.length > 0) yield body;
    return;
  }
  const iterator = body[Symbol.asyncIterator]();
  let interrupt: ((reason: Error) => void) | undefined;
  const onAbort = (): void => interrupt?.(abortReason(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      if (signal.aborted) throw abortReason(signal);
      // A promise of its own each time: one that lived as long as the body, raced against each
      // chunk, would hold them all in memory.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done === true) {
        ended = true;
        return;
      }
      if (next.value.length > 0) yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a generator that waits for a silent producer ends only when that does.
    if (!ended) iterator.return?.().catch(() => undefined);
  }
}
