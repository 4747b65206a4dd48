/**
 * A reporter of vitest: writes what `describeFailures` says, as a JSON list, into the file that
 * HOLDFAST_TEST_FAILURES names.
 */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { describeFailures, type ThrownError } from "./describe-failures.ts";

/** Vitest takes a reporter by its module's default export. */
export default class FailureReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly ThrownError[]): void {
    const path = process.env["HOLDFAST_TEST_FAILURES"];
    if (path !== undefined) writeFileSync(path, JSON.stringify(describeFailures(modules, unhandled)));
  }
}
