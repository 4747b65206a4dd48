import { defineConfig } from "vitest/config";
import { heavyTests } from "./test/setup/heavy-tests.ts";
import { LongestFirst } from "./test/setup/longest-first.ts";

/** Every project: a temporary directory of the run's own, which must be empty at its end. */
const ownTemporaryDirectory = "test/setup/own-temporary-directory.ts";

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          globalSetup: [ownTemporaryDirectory],
          include: ["test/**/*.test.ts"],
          exclude: ["test/integration/**", "test/cloud/**", "test/exhaustive/**", ...heavyTests],
          // One set of modules for a worker's files: loading them anew for each takes longer than the tests.
          isolate: false,
          // Vitest leaves one core of two free.
          maxWorkers: 2,
          // A machine may be ten times busier than the one that this was written on.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "heavy",
          globalSetup: [ownTemporaryDirectory],
          include: heavyTests,
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: [ownTemporaryDirectory, "test/setup/ensure-servers.ts"],
          // Real servers and child processes: two files at once keep two cores busy, more only slow each other down.
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "cloud",
          globalSetup: [ownTemporaryDirectory],
          include: ["test/cloud/**/*.test.ts"],
          // One after the other: each packages the stack, and they run beside the integration tests.
          maxWorkers: 1,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "exhaustive",
          include: ["test/exhaustive/**/*.test.ts"],
          globalSetup: [ownTemporaryDirectory, "test/setup/ensure-servers.ts"],
          // `npm run exhaustive`: whole input spaces, public schemas, long loops. Not part of `npm test`.
          maxWorkers: 2,
          testTimeout: 7_200_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "fuzz",
          // The heavy project runs these too, with a few hundred inputs each; here each target gets its seconds.
          globalSetup: [ownTemporaryDirectory],
          include: ["test/fuzz/**/*.test.ts"],
          env: { HOLDFAST_FUZZ_SECONDS: process.env["HOLDFAST_FUZZ_SECONDS"] ?? "60" },
          maxWorkers: 2,
          testTimeout: 0,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
