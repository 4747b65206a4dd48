/**
 * The order of test files: the longest begin first. A fresh clone knows no durations, and vitest
 * then goes by size: some of the longest are short texts, which would begin last and leave a core
 * idle to the end.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longer than their size says, the longest first: measured on two cores. All others
 * follow in vitest's own order.
 */
export const longFiles: readonly string[] = [
  "test/cloud/stack.test.ts",
  "test/integration/faults/killed.test.ts",
  "test/integration/chain/majors.test.ts",
  "test/integration/chain/databases.test.ts",
  "test/integration/infra/templates.test.ts",
  "test/integration/runbooks/runbooks.test.ts",
  "test/integration/postgres/killed-restore-test.test.ts",
  "test/integration/faults/s3.test.ts",
  "test/integration/infra/refusals.test.ts",
  "test/integration/demo.test.ts",
  "test/integration/faults/runs.test.ts",
  "test/integration/faults/damage.test.ts",
  "test/integration/lambda/memory.test.ts",
  "test/integration/lambda/layer.test.ts",
  "test/integration/sealing/memory.test.ts",
  "test/retention/invariants.test.ts",
  "test/retention/promise-locks-property.test.ts",
  "test/retention/scale.test.ts",
];

/** Sorts files by `longFiles`, stably: those that it does not name keep their order behind them. */
export function sortLongestFirst<T>(files: readonly T[], pathOf: (file: T) => string): T[] {
  const rank = (file: T): number => {
    const index = longFiles.indexOf(pathOf(file));
    return index < 0 ? longFiles.length : index;
  };
  return files.toSorted((a, b) => rank(a) - rank(b));
}

/** Vitest takes a class for `sequence.sequencer`. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sortLongestFirst(sorted, (file) => relative(this.ctx.config.root, file.moduleId));
  }
}
