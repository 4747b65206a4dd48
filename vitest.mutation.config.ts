/** The tests of one module, for `npm run mutation`: scripts/mutation.ts names the files. Stryker's own `testFiles` leaves mutants of top-level constants asleep. */
import { defineConfig } from "vitest/config";

const maxTestMs = Number(process.env["HOLDFAST_MUTATION_TEST_MS"]);

export default defineConfig({
  test: {
    include: (process.env["HOLDFAST_MUTATION_TESTS"] ?? "").split(","),
    // Stryker has a limit of its own; this one must hold at the lowest priority of a busy machine, but where the module names its own.
    testTimeout: maxTestMs,
    hookTimeout: maxTestMs,
  },
});
