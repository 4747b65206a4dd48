/** Executions of the stack's state machines: started, waited for, and printed state by state. */
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { account, region, stackName } from "../../scripts/cloud-stack.ts";
import { waitFor } from "../support/processes.ts";
import type { TestCloud } from "./cloud.ts";

export interface Ended {
  readonly arn: string;
  readonly name: string;
  readonly status: string;
  readonly error: string;
  readonly cause: string;
  /** What the machine returned; undefined when it failed. */
  readonly output: unknown;
  readonly history: readonly HistoryEvent[];
}

/** Executions take seconds; on a busy machine, minutes. */
const waitMs = 540_000;

export const machineArn = (machine: string): string => `arn:aws:states:${region}:${account}:stateMachine:${stackName}-${machine}`;

export async function startExecution(
  { clients: { sfn } }: Pick<TestCloud, "clients">,
  machine: string,
  input: unknown,
): Promise<string> {
  const command = new StartExecutionCommand({ stateMachineArn: machineArn(machine), input: JSON.stringify(input) });
  return (await sfn.send(command)).executionArn ?? "";
}

/** Starts an execution, waits for its end, and prints its history. */
export async function execute(
  cloud: Pick<TestCloud, "clients">,
  machine: string,
  input: unknown,
  timeoutMs?: number,
): Promise<Ended> {
  return ended(cloud, await startExecution(cloud, machine, input), timeoutMs);
}

/** Waits for an execution's end, and prints its history. */
export async function ended(cloud: Pick<TestCloud, "clients">, arn: string, timeoutMs = waitMs): Promise<Ended> {
  const { sfn } = cloud.clients;
  const describe = () => sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
  await waitFor(`the end of ${arn}`, async () => (await describe()).status !== "RUNNING", timeoutMs);
  const { name = "", status = "", error = "", cause = "", output } = await describe();
  const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1000 }));
  const succeeded = status === "SUCCEEDED" && output !== undefined;
  const result = { arn, name, status, error, cause, history: events, output: succeeded ? JSON.parse(output) : undefined };
  console.log(describeHistory(result));
  return result;
}

/** Waits until an execution has entered a state. */
export async function entered({ clients: { sfn } }: TestCloud, arn: string, state: string): Promise<void> {
  const look = async (): Promise<boolean> => {
    const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1000 }));
    return events.some(({ stateEnteredEventDetails: details }) => details?.name === state);
  };
  await waitFor(`${arn} in ${state}`, look, waitMs);
}

/** The names and statuses of a machine's executions whose names begin so. */
export async function executionsOf(cloud: TestCloud, machine: string, prefix: string) {
  const { executions = [] } = await cloud.clients.sfn.send(new ListExecutionsCommand({ stateMachineArn: machineArn(machine) }));
  return executions.filter(({ name }) => name?.startsWith(prefix) === true);
}

/** The states in the order in which they were entered. */
export function statesOf({ history }: Ended): string[] {
  return history.flatMap(({ stateEnteredEventDetails: entered }) => (entered?.name === undefined ? [] : [entered.name]));
}

/** The errors of the tasks that failed, in order. */
export function taskErrors({ history }: Ended): string[] {
  return history.flatMap((event) => {
    const details = event.taskFailedEventDetails ?? event.taskTimedOutEventDetails ?? event.lambdaFunctionFailedEventDetails;
    return details?.error === undefined ? [] : [details.error];
  });
}

/** One line a state, with what went wrong in it. */
function describeHistory({ arn, status, error, cause, output, history }: Ended): string {
  const begun = history[0]?.timestamp?.getTime() ?? 0;
  const lines = history.flatMap((event) => {
    const at = `${(((event.timestamp?.getTime() ?? begun) - begun) / 1000).toFixed(2).padStart(8)} s`;
    const failed = event.taskFailedEventDetails ?? event.taskTimedOutEventDetails;
    if (event.stateEnteredEventDetails !== undefined) return [`  ${at}  -> ${event.stateEnteredEventDetails.name}`];
    if (failed !== undefined) return [`  ${at}     failed: ${failed.error}: ${(failed.cause ?? "").slice(0, 200)}`];
    return [];
  });
  const end = status === "SUCCEEDED" ? JSON.stringify(output) : `${error}: ${cause.slice(0, 300)}`;
  return [arn.split(":").slice(-2).join(" "), ...lines, `  ${status}  ${end}`].join("\n");
}
