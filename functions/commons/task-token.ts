/**
 * How a container answers the state machine that waits for it: signs of life, then a result or an
 * error's name.
 */
import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  type SFNClientConfig,
} from "@aws-sdk/client-sfn";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { logger } from "./powertools.ts";

/**
 * The machines give up after 900 s of silence (`HeartbeatSeconds` in statemachines/): a dozen may
 * get lost.
 */
const heartbeatMs = 60_000;
/** The answer is the whole run's: it is tried for several minutes. */
const configuration: SFNClientConfig = { maxAttempts: 10, retryMode: "adaptive" };
/** What Step Functions says of a token that nobody waits for. */
const overNames: readonly string[] = ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"];

export interface TaskAnswer extends Disposable {
  /**
   * Aborted with Interrupted when nobody waits for the answer: the execution was stopped
   * or has timed out.
   */
  readonly abandoned: AbortSignal;
  succeed(result: unknown): Promise<void>;
  fail(error: Error): Promise<void>;
}

/**
 * Sends heartbeats from now on, until it is disposed of. `succeed` and `fail` reject when the
 * answer cannot be delivered.
 */
export function openTaskAnswer(taskToken: string, everyMs = heartbeatMs): TaskAnswer {
  const client = new SFNClient(configuration);
  const controller = new AbortController();
  const beat = async (): Promise<void> => {
    try {
      await client.send(new SendTaskHeartbeatCommand({ taskToken }));
    } catch (error) {
      const { name } = error as Error;
      logger.warn("a heartbeat was not taken", { reason: name });
      if (!overNames.includes(name)) return;
      clearInterval(timer);
      controller.abort(new HoldfastError("Interrupted", "the execution that waits for this step is over"));
    }
  };
  const timer = setInterval(() => void beat(), everyMs);
  return {
    abandoned: controller.signal,
    async succeed(result) {
      await client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(result) }));
    },
    async fail({ name, message }) {
      await client.send(new SendTaskFailureCommand({ taskToken, error: name, cause: message }));
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      client.destroy();
    },
  };
}

/**
 * Lets the machine that waits for a person's answer go on; gives whether it still waited. Errors:
 * those of Step Functions, without the token.
 */
export async function goOn(taskToken: string, output: Readonly<Record<string, string>>): Promise<boolean> {
  return isTaken((client) => client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) })));
}

/**
 * Answers with a failure where somebody still waits for the answer; gives whether somebody did.
 * Errors: those of Step Functions.
 */
export async function answerOnce(taskToken: string, { name, message }: Error): Promise<boolean> {
  return isTaken((client) => client.send(new SendTaskFailureCommand({ taskToken, error: name, cause: message })));
}

async function isTaken(send: (client: SFNClient) => Promise<unknown>): Promise<boolean> {
  const client = new SFNClient(configuration);
  try {
    await send(client);
    return true;
  } catch (error) {
    if (overNames.includes((error as Error).name)) return false;
    throw error;
  } finally {
    client.destroy();
  }
}
