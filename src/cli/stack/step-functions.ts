/**
 * What the command line asks of Step Functions. The SDK is loaded when it is opened; its errors
 * leave as the catalogue's.
 */
import type { DescribeExecutionCommandOutput, HistoryEvent, MapRunItemCounts, SFNClient } from "@aws-sdk/client-sfn";
import type { EndStatus } from "./fold-history.ts";
import { type Request, toStackError } from "./stack-errors.ts";

export interface ExecutionDescription {
  readonly status: EndStatus | "RUNNING";
  readonly startedAt?: Date | undefined;
  readonly stoppedAt?: Date | undefined;
  /** JSON, as they were given. */
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** The children of one Distributed Map. */
export interface MapCounts {
  readonly startedAt: Date;
  readonly total: number;
  readonly succeeded: number;
  /** Failed, timed out or aborted. */
  readonly failed: number;
  readonly running: number;
  readonly pending: number;
}

export interface StepFunctions {
  /** Where it asks; undefined when nothing says so. */
  region(): Promise<string | undefined>;
  /** ARNs of all state machines of the account, by name. */
  listMachines(): Promise<ReadonlyMap<string, string>>;
  /**
   * Starts an execution, whatever the signal says meanwhile, and gives its ARN. Errors:
   * ExecutionExists.
   */
  start(request: { readonly machineArn: string; readonly name: string; readonly input: unknown }): Promise<string>;
  /** Errors: ExecutionNotFound. */
  describe(executionArn: string): Promise<ExecutionDescription>;
  /** The whole history so far, in order. */
  readHistory(executionArn: string): Promise<readonly HistoryEvent[]>;
  /** The Distributed Maps that the execution has begun, in order. */
  countMaps(executionArn: string): Promise<readonly MapCounts[]>;
  close(): void;
}

export interface StepFunctionsOptions {
  /** Default: as the environment or the profile says. */
  readonly region?: string | undefined;
  /** Ends what is being read. */
  readonly signal: AbortSignal;
}

/** Six tries with exponential waits outlast the seconds that AWS throttles for. */
const attempts = 6;
const connectMs = 10_000;
const answerMs = 30_000;
/** The most that one page of a history may have. */
const historyPage = 1000;

type Sdk = typeof import("@aws-sdk/client-sfn");

/**
 * Opens a client; sends nothing yet. All operations: StackAccessDenied, StackUnavailable,
 * UsageInvalid (no region), Interrupted.
 */
export async function openStepFunctions({ region, signal }: StepFunctionsOptions): Promise<StepFunctions> {
  const sdk = await import("@aws-sdk/client-sfn");
  const client = new sdk.SFNClient({
    ...(region === undefined ? {} : { region }),
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: connectMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
  });
  const ask = async <T>(request: Request, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw toStackError(signal.reason, request);
      throw toStackError(error, request);
    }
  };
  const options = { abortSignal: signal };
  return {
    region: () => client.config.region().catch(() => undefined),
    listMachines: () =>
      ask({ doing: "look for the stack", action: "states:ListStateMachines" }, () => listMachines(sdk, client, signal)),
    start: ({ machineArn, name, input }) =>
      ask({ doing: `start ${name}`, action: "states:StartExecution" }, async () => {
        const request = { stateMachineArn: machineArn, name, input: JSON.stringify(input) };
        // Not to be aborted: nobody would know then whether it was started.
        return (await client.send(new sdk.StartExecutionCommand(request))).executionArn ?? "";
      }),
    describe: (executionArn) =>
      ask({ doing: "look at the execution", action: "states:DescribeExecution" }, async () =>
        executionOf(await client.send(new sdk.DescribeExecutionCommand({ executionArn }), options)),
      ),
    readHistory: (executionArn) =>
      ask({ doing: "read the execution's history", action: "states:GetExecutionHistory" }, async () => {
        const events: HistoryEvent[] = [];
        const paging = { client, pageSize: historyPage };
        for await (const page of sdk.paginateGetExecutionHistory(paging, { executionArn }, options))
          events.push(...(page.events ?? []));
        return events;
      }),
    countMaps: (executionArn) =>
      ask({ doing: "count what the Map has done", action: "states:DescribeMapRun" }, () =>
        countMaps(sdk, client, executionArn, signal),
      ),
    close: () => client.destroy(),
  };
}

async function listMachines(sdk: Sdk, client: SFNClient, signal: AbortSignal): Promise<Map<string, string>> {
  const machines = new Map<string, string>();
  for await (const page of sdk.paginateListStateMachines({ client }, {}, { abortSignal: signal })) {
    for (const { name, stateMachineArn } of page.stateMachines ?? []) {
      if (name !== undefined && stateMachineArn !== undefined) machines.set(name, stateMachineArn);
    }
  }
  return machines;
}

async function countMaps(sdk: Sdk, client: SFNClient, executionArn: string, signal: AbortSignal): Promise<MapCounts[]> {
  const { mapRuns = [] } = await client.send(new sdk.ListMapRunsCommand({ executionArn }), { abortSignal: signal });
  const counted: MapCounts[] = [];
  for (const { mapRunArn, startDate = new Date(0) } of mapRuns) {
    const { itemCounts } = await client.send(new sdk.DescribeMapRunCommand({ mapRunArn }), { abortSignal: signal });
    counted.push({ startedAt: startDate, ...countItems(itemCounts) });
  }
  return counted.sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
}

function countItems(counts: MapRunItemCounts | undefined): Omit<MapCounts, "startedAt"> {
  const { total = 0, succeeded = 0, failed = 0, timedOut = 0, aborted = 0, running = 0, pending = 0 } = counts ?? {};
  return { total, succeeded, failed: failed + timedOut + aborted, running, pending };
}

function executionOf({
  status,
  startDate,
  stopDate,
  input,
  output,
  error,
  cause,
}: DescribeExecutionCommandOutput): ExecutionDescription {
  return {
    // A redrive that has not begun yet is one that will run.
    status: status === undefined || status === "PENDING_REDRIVE" ? "RUNNING" : status,
    startedAt: startDate,
    stoppedAt: stopDate,
    input,
    output,
    error,
    cause,
  };
}
