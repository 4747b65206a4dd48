/**
 * `npm test`: all there is, real servers included. Ends with `N passed, N failed` on a line of its
 * own.
 */
import { houseSteps } from "./house-steps.ts";
import { runSteps, vitestStep } from "./steps.ts";

/**
 * The cloud's tests wait for much of their time, for schedules, retries and executions: they run
 * beside the others, which fill both cores. What they need is installed long before the
 * integration tests look for their own.
 */
const beside = [[vitestStep("heavy"), vitestStep("integration")], [vitestStep("cloud")]];

process.exitCode = await runSteps([...houseSteps, vitestStep("unit"), beside]);
