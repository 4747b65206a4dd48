/** How often a Task tries again, after which error, and how long it waits in between. */
import type { ErrorName } from "../../src/errors/catalogue.ts";
import type { Retrier } from "../asl.ts";
import {
  anyError,
  fargateFaults,
  fargateFull,
  functionPending,
  lambdaFaults,
  lambdaThrottled,
  retryableErrors,
  startFaults,
} from "./errors.ts";

interface Waits {
  readonly first: number;
  readonly attempts: number;
  readonly max: number;
  /** By how much each wait is longer than the one before. Default: twice as long. */
  readonly factor?: number;
}

/**
 * Every retrier backs off, with full jitter: machines that failed together do not come back
 * together.
 */
export function retryOn(errors: readonly string[], { first, attempts, max, factor = 2 }: Waits): Retrier {
  return {
    ErrorEquals: errors,
    IntervalSeconds: first,
    MaxAttempts: attempts,
    BackoffRate: factor,
    MaxDelaySeconds: max,
    JitterStrategy: "FULL",
  };
}

const onLambdaFaults = retryOn(lambdaFaults, { first: 2, attempts: 6, max: 120 });
/**
 * A new account may run ten functions at once. Forty sources that are dumped and read back at the
 * same minute, each for as long as Lambda allows, keep them busy for two hours and a half; the
 * waits add up to four and a half, on average.
 */
const onThrottled = retryOn(lambdaThrottled, { first: 5, attempts: 120, max: 300, factor: 1.5 });
/** An image of gigabytes and a network interface take a minute or two. */
const onPending = retryOn(functionPending, { first: 10, attempts: 10, max: 60, factor: 1.5 });
const onRetryable = (errors: readonly string[]): Retrier => retryOn(errors, { first: 30, attempts: 4, max: 600 });
const fargateWaits: Waits = { first: 60, attempts: 3, max: 900 };
/**
 * A new account has 6 vCPUs of Fargate: one container of 4 at a time, where a verification may ask
 * for ten. The waits add up to half a day, on average.
 */
const onFargateFull = retryOn(fargateFull, { first: 60, attempts: 96, max: 900, factor: 1.5 });

/** A step in a Lambda. */
export const retryStep: readonly Retrier[] = [onLambdaFaults, onThrottled, onPending, onRetryable(retryableErrors)];

/** A step in a container. */
export const retryStepOnFargate: readonly Retrier[] = [
  onFargateFull,
  retryOn(fargateFaults, fargateWaits),
  onRetryable(retryableErrors),
];

/** A step in a container, one of many: the waits of all add up. */
export const retryItemOnFargate: readonly Retrier[] = [
  onFargateFull,
  retryOn([...fargateFaults, ...retryableErrors], fargateWaits),
];

const leaseHeld = "LeaseHeld" satisfies ErrorName;
/** Another run works on the same source; if it died, its lease expires within eleven minutes. */
const onLease: readonly Retrier[] = [
  retryOn([leaseHeld], { first: 60, attempts: 12, max: 900, factor: 1.5 }),
  onRetryable(retryableErrors.filter((name) => name !== leaseHeld)),
];

/** A step in a Lambda that waits for the source's lease. */
export const retryStepOnLease: readonly Retrier[] = [onLambdaFaults, onThrottled, onPending, ...onLease];

/** A step in a container that waits for the source's lease. */
export const retryStepOnFargateOnLease: readonly Retrier[] = [onFargateFull, retryOn(fargateFaults, fargateWaits), ...onLease];

const deadlineReached = "DeadlineReached" satisfies ErrorName;
/**
 * A deletion that continues where the last try stopped: after a long pause there is much to delete.
 */
export const retryUntilDone: Retrier = retryOn([deadlineReached], { first: 5, attempts: 20, max: 60, factor: 1.5 });

/** An alert: sent twice is better than not at all. */
export const retryAlert: readonly Retrier[] = [onThrottled, retryOn(anyError, { first: 5, attempts: 5, max: 60 })];

/** The start of another machine. */
export const retryStart: readonly Retrier[] = [retryOn(startFaults, { first: 5, attempts: 5, max: 120 })];

/** A list that a Map could not read. */
export const retryList: readonly Retrier[] = [retryOn(["States.ItemReaderFailed"], { first: 10, attempts: 3, max: 60 })];
