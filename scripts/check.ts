/**
 * `npm run check`: what a change is checked with while it is made: needs no server, and takes about
 * a minute.
 */
import { houseSteps } from "./house-steps.ts";
import { runSteps, vitestStep } from "./steps.ts";

process.exitCode = await runSteps([...houseSteps, vitestStep("unit")]);
