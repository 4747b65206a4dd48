import { describe, expect, it } from "vitest";
import { toStackError } from "../../../src/cli/stack/stack-errors.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";

const request = { doing: "start backup-shop", action: "states:StartExecution" };
const named = (name: string, message: string, more: object = {}): Error => Object.assign(new Error(message), { name, ...more });

describe("what AWS refuses", () => {
  it("names who lacks which action on what, and how to get it", () => {
    const user = "arn:aws:sts::123456789012:assumed-role/ops/anna";
    const machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:holdfast-prod-backup";
    const error = named(
      "AccessDeniedException",
      `User: ${user} is not authorized to perform: states:StartExecution on resource: ${machine} because no identity-based policy allows the states:StartExecution action`,
    );
    expect(toStackError(error, request)).toMatchObject({
      name: "StackAccessDenied",
      message: `cannot start backup-shop: ${user} may not call states:StartExecution`,
      details: [`on ${machine}`],
      hint: expect.stringContaining("Have states:StartExecution granted"),
    });
  });

  it("names the action that was tried where AWS keeps it to itself", () => {
    expect(toStackError(named("AccessDeniedException", "no"), request).message).toContain("may not call states:StartExecution");
  });

  it.each([
    ["CredentialsProviderError", "Could not load credentials from any providers", "StackAccessDenied", "no AWS credentials"],
    ["ExpiredTokenException", "The security token included in the request is expired", "StackAccessDenied", "does not accept"],
    [
      "UnrecognizedClientException",
      "The security token included in the request is invalid.",
      "StackAccessDenied",
      "does not accept",
    ],
    ["Error", "Region is missing", "UsageInvalid", "no AWS region"],
    ["ExecutionDoesNotExist", "Execution Does Not Exist: 'arn'", "ExecutionNotFound", "Does Not Exist"],
    ["ExecutionAlreadyExists", "Execution Already Exists: 'arn'", "ExecutionExists", "Already Exists"],
    ["StateMachineDeleting", "State Machine is being deleted", "StackNotFound", "deleted"],
    ["ThrottlingException", "Rate exceeded", "StackUnavailable", "ThrottlingException: Rate exceeded"],
    ["TimeoutError", "Connection timed out after 10000 ms", "StackUnavailable", "timed out"],
  ])("%s (%s) is %s", (name, message, expected, words) => {
    const error = toStackError(named(name, message), request);
    expect(error).toMatchObject({ name: expected, message: expect.stringContaining(words) });
    expect(error.message).toMatch(/^cannot start backup-shop: .*[^.]$/);
  });

  it("gives a network failure its code", () => {
    expect(toStackError(named("Error", "connect ECONNREFUSED 127.0.0.1:1", { code: "ECONNREFUSED" }), request)).toMatchObject({
      name: "StackUnavailable",
      message: "cannot start backup-shop: ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1",
    });
  });

  it("keeps an error of the catalogue, and an interruption", () => {
    const own = new HoldfastError("LeaseHeld", "busy");
    expect(toStackError(own, request)).toBe(own);
    expect(toStackError(named("AbortError", "aborted"), request).name).toBe("Interrupted");
  });
});
