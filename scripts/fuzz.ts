/**
 * `npm run fuzz [-- PART-OF-A-PATH ...]`: the tests of test/fuzz/, each target for
 * HOLDFAST_FUZZ_SECONDS (60). docs/testing.md.
 */
import { runSteps, vitestStep } from "./steps.ts";

process.exitCode = await runSteps([vitestStep("fuzz", process.argv.slice(2))]);
