/** Calls a function of the stack in the name of the person who runs this, as AWS will name them. */
import { readCause } from "../../alerts/read-cause.ts";
import { catalogue, type ErrorName } from "../../errors/catalogue.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { bindMessage, type PersonalFunction } from "../../pipeline/approvals/bind-message.ts";
import { proveCaller } from "../../runtime/caller-proof.ts";
import type { Session } from "../session.ts";
import { requireStack } from "./run-machine.ts";
import { toStackError } from "./stack-errors.ts";

/** What each takes the message as. */
const members: Readonly<Record<PersonalFunction, string>> = { ask: "input", answer: "answer" };

/**
 * Gives what the function answers. Errors: those of the function, StackAccessDenied, StackNotFound,
 * StackUnavailable.
 */
export async function callFunction(
  session: Session,
  name: PersonalFunction,
  message: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const stack = requireStack(session);
  try {
    const proof = await proveCaller(bindMessage(stack, name, message));
    const payload = JSON.stringify({ [members[name]]: message, proof });
    return await invoke(`${stack}-${name}`, payload, session.context.run.signal);
  } catch (error) {
    if (error instanceof Error && error.name === "ResourceNotFoundException") {
      throw new HoldfastError("StackNotFound", `the stack ${stack} has no function ${stack}-${name}`, {
        hint: "Deploy it again with this version of Holdfast.",
      });
    }
    throw toStackError(error, { doing: `call ${stack}-${name}`, action: "lambda:InvokeFunction" });
  }
}

async function invoke(FunctionName: string, Payload: string, abortSignal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const { InvokeCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const client = new LambdaClient();
  try {
    const answered = await client.send(new InvokeCommand({ FunctionName, Payload }), { abortSignal });
    const text = Buffer.from(answered.Payload ?? new Uint8Array()).toString("utf8");
    const result = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (answered.FunctionError !== undefined) throw errorOf(text, result["errorType"]);
    return result;
  } finally {
    client.destroy();
  }
}

/** The function's own error, in its own class. */
function errorOf(text: string, type: unknown): HoldfastError {
  const { error, message, hint, details } = readCause(typeof type === "string" ? type : undefined, text);
  if (!Object.hasOwn(catalogue, error)) return new HoldfastError("StackUnavailable", `the function failed: ${error}: ${message}`);
  return new HoldfastError(error as ErrorName, message, { details, ...(hint === undefined ? {} : { hint }) });
}
