/** The tests of one module, for `npm run mutation`: scripts/mutation.ts names the files. Stryker's own `testFiles` leaves mutants of top-level constants asleep. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: (process.env["HOLDFAST_MUTATION_TESTS"] ?? "").split(","),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
