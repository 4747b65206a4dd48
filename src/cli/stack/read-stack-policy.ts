/** The policy of a deployed stack, read from where its own functions read it. */
import { homedir } from "node:os";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { EnginePolicies } from "../../policy/engine-policy.ts";
import { unpackPolicy } from "../../policy/packed-policy.ts";
import { parsePolicy } from "../../policy/parse-policy.ts";
import type { Policy } from "../../policy/policy.ts";
import { readAwsSecret } from "../../runtime/aws-secret.ts";
import { stackNotFound, stacksAmong } from "./find-machine.ts";
import { requireStackName } from "./machine.ts";
import { toStackError } from "./stack-errors.ts";

/**
 * The name of the secret that holds a stack's policy (infra/policy-secret.ts). Errors:
 * UsageInvalid.
 */
export const policySecretOf = (stack: string): string => `${requireStackName(stack)}/policy`;

/**
 * Errors: UsageInvalid (the name, no region), StackNotFound (with the stacks there are),
 * StackAccessDenied, StackUnavailable, PolicyInvalid.
 */
export async function readStackPolicy(stack: string, signal: AbortSignal, engines: EnginePolicies): Promise<Policy> {
  const secret = policySecretOf(stack);
  try {
    const text = unpackPolicy(await readAwsSecret(secret));
    return parsePolicy(text, secret, { directory: process.cwd(), home: homedir(), engines });
  } catch (error) {
    const cause = error instanceof HoldfastError && error.name === "SecretUnavailable" ? error.cause : undefined;
    if (cause === undefined) throw error;
    if (cause instanceof Error && cause.name === "ResourceNotFoundException") throw await nearStacks(stack, signal);
    throw toStackError(cause, { doing: `read the policy of ${stack}`, action: "secretsmanager:GetSecretValue" });
  }
}

async function nearStacks(stack: string, signal: AbortSignal): Promise<HoldfastError> {
  const { openStepFunctions } = await import("./step-functions.ts");
  const api = await openStepFunctions({ signal });
  try {
    return stackNotFound(stack, stacksAmong(await api.listMachines()), await api.region());
  } catch {
    // The names of other stacks are a courtesy: that this one is not there is known without them.
    return stackNotFound(stack, [], await api.region());
  } finally {
    api.close();
  }
}
