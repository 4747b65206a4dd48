/** A store that fails on demand: a decorator of the port, for tests of what uses it. */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";

export type StoreOperation = "put" | "get" | "head" | "list" | "delete" | "lock";

export interface Fault {
  readonly operation: StoreOperation;
  /** Which keys (or list prefixes) fail; default all. */
  readonly key?: RegExp;
  /** The number of the first matching call that fails, from 1; default the first. */
  readonly from?: number;
  /** How many calls fail; default all from there. */
  readonly times?: number;
  /**
   * `before`: nothing is done; `after`: the store did it, and its answer is lost. Default `before`.
   */
  readonly when?: "before" | "after";
}

export interface FaultyStore extends ObjectStore {
  /** Every call so far, as `put manifests/…`. */
  readonly calls: readonly string[];
}

/** `store`, whose calls fail with StoreUnavailable as `faults` say. */
export function makeFaultyStore(store: ObjectStore, faults: readonly Fault[]): FaultyStore {
  const calls: string[] = [];
  const counts = new Map<Fault, number>();

  function failing(operation: StoreOperation, key: string, when: "before" | "after"): boolean {
    const fault = faults.find(
      (each) => each.operation === operation && (each.when ?? "before") === when && (each.key?.test(key) ?? true),
    );
    if (fault === undefined) return false;
    const count = (counts.get(fault) ?? 0) + 1;
    counts.set(fault, count);
    const from = fault.from ?? 1;
    return count >= from && count < from + (fault.times ?? Number.POSITIVE_INFINITY);
  }

  async function guard<T>(operation: StoreOperation, key: string, call: () => Promise<T>): Promise<T> {
    calls.push(`${operation} ${key}`);
    if (failing(operation, key, "before")) throw unavailable(operation, key);
    const result = await call();
    if (failing(operation, key, "after")) throw unavailable(operation, key);
    return result;
  }

  const { locks } = store;
  return {
    url: store.url,
    locks:
      locks === undefined
        ? undefined
        : {
            extendRetention: (key, until) => guard("lock", key, () => locks.extendRetention(key, until)),
            legalHold: (key, on) => guard("lock", key, () => locks.legalHold(key, on)),
          },
    calls,
    put: (key, body, options) => guard("put", key, () => store.put(key, body, options)),
    get: (key, options) => guard("get", key, () => store.get(key, options)),
    head: (key) => guard("head", key, () => store.head(key)),
    async *list(prefix, options) {
      await guard("list", prefix, async () => undefined);
      yield* store.list(prefix, options);
    },
    delete: (key) => guard("delete", key, () => store.delete(key)),
    listHidden: (prefix) => store.listHidden(prefix),
    inspect: (clock) => store.inspect(clock),
    abortStaleUploads: (olderThan) => store.abortStaleUploads(olderThan),
    close: () => store.close(),
  };
}

function unavailable(operation: StoreOperation, key: string): HoldfastError {
  return new HoldfastError("StoreUnavailable", `injected fault: ${operation} ${key}`);
}
