/** A store that shows how many manifests are read at once, and an interruption among them. */
import type { ObjectStore } from "../../src/vault/object-store.ts";

export interface SlowManifests {
  readonly store: ObjectStore;
  /** Aborted when the manifest begins to be read that `interruptAt` counts. */
  readonly signal: AbortSignal;
  /** So many were read at once, at the most, and so many in all. */
  counts(): { readonly max: number; readonly begun: number };
  interruptAt(count: number): void;
}

/** `inner`, whose manifests take a turn of the event loop each. */
export function slowManifests(inner: ObjectStore): SlowManifests {
  const controller = new AbortController();
  let [underWay, max, begun] = [0, 0, 0];
  let interruptAt = 0;
  const store: ObjectStore = {
    ...inner,
    async get(key, options) {
      if (!key.startsWith("manifests/")) return inner.get(key, options);
      begun += 1;
      if (begun === interruptAt) controller.abort(new Error("stop"));
      max = Math.max(max, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return inner.get(key, options);
    },
  };
  return {
    store,
    signal: controller.signal,
    counts: () => ({ max, begun }),
    interruptAt(count) {
      interruptAt = count;
    },
  };
}
