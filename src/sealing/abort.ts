/** Waiting that ends when the operation is aborted. */

/**
 * An error as Node's own streams raise it: toHoldfastError makes `Interrupted` of it, or takes the
 * catalogue's error in its cause.
 */
export function abortError(signal: AbortSignal): Error {
  const error = new Error("the operation was aborted", { cause: signal.reason });
  error.name = "AbortError";
  return error;
}

/**
 * `promise`, or an AbortError as soon as `signal` is aborted; what `promise` does then is nobody's
 * concern.
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {});
  if (signal.aborted) throw abortError(signal);
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(abortError(signal));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}
