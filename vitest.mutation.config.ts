/** The tests of one module, for `npm run mutation`: scripts/mutation.ts names the files. Stryker's own `testFiles` leaves mutants of top-level constants asleep. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: (process.env["HOLDFAST_MUTATION_TESTS"] ?? "").split(","),
    // Stryker has a limit of its own; this one must hold at the lowest priority of a busy machine.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
