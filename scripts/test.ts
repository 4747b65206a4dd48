/**
 * `npm test`: all there is, real servers included. Ends with `N passed, N failed` on a line of its
 * own.
 */
import { houseSteps } from "./house-steps.ts";
import { runSteps, vitestStep } from "./steps.ts";

const projects = ["unit", "heavy", "integration", "cloud"];

process.exitCode = await runSteps([...houseSteps, ...projects.map((project) => vitestStep(project))]);
