/**
 * `npm run cloud:test`: the real stack in a local cloud of the tests' own, end to end. Ends with
 * `N passed, N failed` on a line of its own.
 */
import { runSteps, vitestStep } from "./steps.ts";

process.exitCode = await runSteps([vitestStep("cloud")]);
