/**
 * `npm run exhaustive [-- PART-OF-A-PATH ...]`: the tests of test/exhaustive/, which take too long
 * for `npm test`.
 */
import { runSteps, vitestStep } from "./steps.ts";

process.exitCode = await runSteps([vitestStep("exhaustive", process.argv.slice(2))]);
