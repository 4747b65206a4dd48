import { makeMemoryStore } from "../support/memory-store.ts";
import { testObjectStore } from "./object-store.contract.ts";

testObjectStore(
  "memory (the tests' own)",
  async () => {
    const store = makeMemoryStore();
    return { store, other: store, countLeftovers: async () => 0, dispose: async () => undefined };
  },
  { largeBytes: 3_000_001 },
);
