/** Work on many small documents of a store: some at once, however many there are. */

/** A request or two each; more at once would only wait in the store's client. */
const maxAtOnce = 8;

/**
 * What `work` makes of each of `items`, in their order. Eight are worked on at once, and the next
 * eight begin when all of them are done; before each, `signal` is looked at. Errors: the first of
 * `work`, what aborted the signal.
 */
export async function mapInBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>, signal?: AbortSignal): Promise<R[]> {
  const made: R[] = [];
  for (let first = 0; first < items.length; first += maxAtOnce) {
    signal?.throwIfAborted();
    made.push(...(await Promise.all(items.slice(first, first + maxAtOnce).map((item) => work(item)))));
  }
  return made;
}
