import { makeMemoryStore } from "../support/memory-store.ts";
import { testObjectStore } from "./object-store.contract.ts";

for (const locks of [false, true]) {
  testObjectStore(
    `memory (the tests' own${locks ? ", which locks" : ""})`,
    async () => {
      const store = makeMemoryStore(undefined, { locks });
      return { store, other: store, countLeftovers: async () => 0, dispose: async () => undefined };
    },
    { largeBytes: 3_000_001 },
  );
}
