/**
 * The same steps in a container, for what is too large or too slow for a Lambda: the program of the
 * Fargate tasks (infra/fargate.ts). It takes its event from the environment and answers with the
 * task token that it finds there (docs/adr/0012-containers-answer-by-task-token.md).
 */
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { requireVariable, takeVariable } from "./commons/environment.ts";
import { logger, metrics } from "./commons/powertools.ts";
import { nameError, runStep, type Step } from "./commons/step.ts";
import { abortOnStop } from "./commons/stop-signal.ts";
import { openTaskAnswer } from "./commons/task-token.ts";
import { step as dump } from "./dump.ts";
import { step as prove } from "./prove.ts";
import { step as restore } from "./restore.ts";
import { step as safeguard } from "./safeguard.ts";

const steps = new Map<string, Step>([dump, prove, restore, safeguard].map((step) => [step.name, step as Step]));

/**
 * Runs the step that the environment names, and answers. Gives the exit code: 0 when it succeeded
 * and the state machine knows.
 */
async function main(): Promise<number> {
  const stop = abortOnStop();
  // Out of the environment, which the tools that dump and restore inherit.
  using answer = openTaskAnswer(takeVariable("HOLDFAST_TASK_TOKEN"));
  try {
    const signal = AbortSignal.any([stop, answer.abandoned]);
    const result = await runNamed(signal).finally(() => metrics.publishStoredMetrics());
    await answer.succeed(result);
    return 0;
  } catch (error) {
    // What ended before the step began is an error of the same form.
    await answer.fail(error instanceof HoldfastError ? nameError(error) : (error as Error));
    return 1;
  }
}

async function runNamed(signal: AbortSignal): Promise<unknown> {
  const name = requireVariable("HOLDFAST_STEP");
  const step = steps.get(name);
  if (step === undefined) throw new HoldfastError("UsageInvalid", `no step "${name}" runs in a container`);
  return runStep(step, parseEvent(requireVariable("HOLDFAST_EVENT")), { identity: `fargate:${name}:${process.pid}`, signal });
}

function parseEvent(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HoldfastError("UsageInvalid", "HOLDFAST_EVENT is not JSON", { cause: error });
  }
}

const exitCode = await main().catch((error: Error) => {
  // The state machine no longer hears a heartbeat, and notices that way.
  logger.error("the answer could not be delivered", { error: error.name, cause: error.message });
  return 1;
});
// Connections that are kept open would hold the container for minutes.
process.exit(exitCode);
