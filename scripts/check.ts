/** `npm run check`: everything that needs no server, in well under a minute. */
import { houseSteps } from "./house-steps.ts";
import { runSteps, vitestStep } from "./steps.ts";

process.exitCode = await runSteps([...houseSteps, vitestStep("unit")]);
