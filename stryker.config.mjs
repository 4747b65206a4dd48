/**
 * Mutation testing (`npm run mutation`, docs/testing.md): Stryker breaks the code in one small way after another and runs the tests that
 * reach the changed line. A change that no test notices is a survivor. `scripts/mutation.ts` adds the module's files and tests.
 *
 * What is not mutated, and why:
 * - text for people (a literal with a space or a line break in it, and what is put into it): tests hold messages to what they must
 *   name, not to their wording. Literals without a space are mutated: keys, names of errors, kinds, formats.
 * - import paths and types, which Stryker leaves alone by itself.
 */
import { fileURLToPath } from "node:url";

/** Stryker loads plugins by path; this file is its own. */
export const strykerPlugins = [
  {
    kind: "Ignore",
    name: "text-for-people",
    value: {
      shouldIgnore(path) {
        const pieces = path.isStringLiteral()
          ? [path.node.value]
          : path.isTemplateLiteral()
            ? path.node.quasis.map((quasi) => quasi.value.raw)
            : [];
        return pieces.some((piece) => /[ \n]/.test(piece)) ? "text for people" : undefined;
      },
    },
  },
];

export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner", fileURLToPath(import.meta.url)],
  ignorers: ["text-for-people"],
  // Processes, as in `npm test`.
  vitest: { configFile: "vitest.mutation.config.ts", related: false, pool: "forks" },
  // Only the tests that reach a mutant run.
  coverageAnalysis: "perTest",
  // One at a time: the tests of the pipeline do real work on real files, and a busy machine turns slowness into false timeouts.
  concurrency: 1,
  timeoutMS: 20_000,
  timeoutFactor: 3,
  dryRunTimeoutMinutes: 15,
  // The copy in which mutants run needs sources and tests only. As for tsconfig.json, Stryker would rewrite its paths with an interface that TypeScript 7 no longer has; nothing in it points outside of the copy.
  ignorePatterns: [
    "tsconfig.json",
    ".cache",
    "dist",
    "demo-output",
    "docs",
    "examples",
    "bench",
    "infra",
    "events",
    "*.tgz",
    "/.ci",
  ],
  reporters: ["progress", "json", "html"],
  // Fewer than 5 % may survive.
  thresholds: { high: 95, low: 95, break: 95 },
};
