/**
 * The error names that machines match: Holdfast's own come from the catalogue, the others from AWS.
 */
import { catalogue, type ErrorName } from "../../src/errors/catalogue.ts";

/**
 * No step meets these: alerts are sent by `notify`, which retries everything; only --stack calls a
 * stack from outside.
 */
const metByNoStep: readonly ErrorName[] = ["AlertUndelivered", "StackUnavailable"];

/** What the catalogue calls retryable, in alphabetical order. */
export const retryableErrors: readonly ErrorName[] = (Object.keys(catalogue) as ErrorName[])
  .filter((name) => catalogue[name].retryable && !metByNoStep.includes(name))
  .toSorted();

/** AWS's own passing faults around a Lambda. */
export const lambdaFaults = [
  "Lambda.ClientExecutionTimeoutException",
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
] as const;

/**
 * All of the account's concurrent executions are taken: the call is refused, and nothing else is
 * wrong (Lambda API, "Invoke", errors).
 */
export const lambdaThrottled = ["Lambda.TooManyRequestsException"] as const;

/**
 * Nobody called the function for weeks: Lambda took its network and image away, refuses the call,
 * and makes them anew meanwhile (Lambda developer guide, "Lambda function states"; Lambda API,
 * "Invoke", errors). Step Functions puts `Lambda.` before an API's error.
 */
export const functionPending = [
  "Lambda.CodeArtifactUserPendingException",
  "Lambda.EC2ThrottledException",
  "Lambda.EC2UnexpectedException",
  "Lambda.ENILimitReachedException",
  "Lambda.ResourceConflictException",
  "Lambda.ResourceNotReadyException",
  "Lambda.SubnetIPAddressLimitReachedException",
] as const;

/**
 * All of the account's vCPUs of Fargate are taken, or Fargate has none: the container starts later
 * (Step Functions developer guide, "Run Amazon ECS or Fargate tasks": failures of RunTask are
 * `AmazonECS.Unknown`; an exception that ECS has no type for is `ECS.AmazonECSException`).
 */
export const fargateFull = [
  "AmazonECS.Unknown",
  "ECS.AmazonECSException",
  "ECS.LimitExceededException",
  "ECS.ThrottlingException",
] as const;

/** Fargate's own passing faults, and a container that went away without an answer. */
export const fargateFaults = ["ECS.ClientException", "ECS.ServerException", "States.HeartbeatTimeout"] as const;

/** The execution of another machine could not be started. */
export const startFaults = ["StepFunctions.AWSStepFunctionsException", "StepFunctions.SdkClientException"] as const;

const ownSignsOfTooLarge = ["DeadlineReached", "DiskFull", "ToolKilled"] as const satisfies readonly ErrorName[];
const signsOfTooLarge = ["Lambda.Unknown", "Runtime.ExitError", "Runtime.OutOfMemory", "Sandbox.Timedout", "States.Timeout"];

/**
 * How a Lambda ends that is too small for its work: running out of time, memory or disk has several
 * names.
 */
export const tooLargeForLambda: readonly string[] = [...ownSignsOfTooLarge, ...signsOfTooLarge].toSorted();

/** Everything that a Catch or a Retry can match. */
export const anyError = ["States.ALL"] as const;
