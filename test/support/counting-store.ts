/** A store that counts requests as S3 would: a listing takes one for each thousand keys. */
import type { ObjectStore } from "../../src/vault/object-store.ts";

export interface CountingStore extends ObjectStore {
  readonly requests: { list: number; other: number };
  /** Keys that were read, in order. */
  readonly reads: string[];
}

const keysPerPage = 1000;

export function makeCountingStore(store: ObjectStore): CountingStore {
  const requests = { list: 0, other: 0 };
  const reads: string[] = [];
  const counted =
    <A extends readonly unknown[], R>(call: (...given: A) => R) =>
    (...given: A): R => {
      requests.other += 1;
      return call(...given);
    };
  async function* paged<T>(items: AsyncIterable<T>): AsyncIterable<T> {
    requests.list += 1;
    let onPage = 0;
    for await (const item of items) {
      // The page after a full one is asked for when its first key is wanted.
      if (onPage === keysPerPage) {
        requests.list += 1;
        onPage = 0;
      }
      onPage += 1;
      yield item;
    }
  }
  return {
    ...store,
    requests,
    reads,
    get: (key, options) => {
      requests.other += 1;
      reads.push(key);
      return store.get(key, options);
    },
    head: counted(store.head),
    put: counted(store.put),
    delete: counted(store.delete),
    list: (prefix, options) => paged(store.list(prefix, options)),
    listHidden: (prefix) => paged(store.listHidden(prefix)),
  };
}
