/** Tasks: a step in a Lambda, the same step in a container, another machine. */
import type { Catcher, Flow, State, States, Values } from "../asl.ts";
import { catchAll, catchTooLarge } from "./catch.ts";

const minuteSeconds = 60;
export const hourSeconds = 60 * minuteSeconds;
export const daySeconds = 24 * hourSeconds;

/** A Lambda may run for 15 minutes; half a minute more, and Step Functions gives up on it. */
const longLambdaSeconds = 15 * minuteSeconds + 30;
const shortLambdaSeconds = 2 * minuteSeconds;
/**
 * A container sends a heartbeat a minute (functions/commons/task-token.ts): a dozen may be lost.
 */
const heartbeatSeconds = 15 * minuteSeconds;

/** The functions that a stack has once; those of each source are named by `plan` and `due`. */
type SharedFunction = "Plan" | "Prune" | "Record" | "Request" | "Restore" | "Safeguard" | "Due" | "Notify";

export const sharedFunction = (name: SharedFunction) => ({ "Fn::GetAtt": [`${name}LambdaFunction`, "Arn"] });

export interface Invocation {
  readonly comment?: string;
  /** A shared function, or an expression that names one. */
  readonly target: ReturnType<typeof sharedFunction> | string;
  readonly payload: Values | string;
  /** Default: that it works for as long as a Lambda may. `short`: it answers at once. */
  readonly takes?: "long" | "short";
}

/** A step in a Lambda. */
export function invoke({ comment, target, payload, takes = "long" }: Invocation, flow: Flow): State {
  return {
    ...commentOf(comment),
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke",
    TimeoutSeconds: takes === "long" ? longLambdaSeconds : shortLambdaSeconds,
    Arguments: { FunctionName: target, Payload: payload },
    ...inOrder(flow),
  };
}

export interface ContainerRun {
  /** What is run: the family of a task definition, after the stack's prefix. */
  readonly family: "dump" | "prove" | "restore";
  /** Gives the role of the source or of the step; absent: that of the task definition. */
  readonly role?: string | Values;
  /** A step that is not the family's own. */
  readonly step?: string;
  /** The event, as a Lambda would get it. */
  readonly payload: Values | string;
  readonly timeoutSeconds: number;
}

/** A step in a container, which answers with the task token. */
export function runContainer({ family, role, step, payload, timeoutSeconds }: ContainerRun, flow: Flow): State {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::ecs:runTask.waitForTaskToken",
    TimeoutSeconds: timeoutSeconds,
    HeartbeatSeconds: heartbeatSeconds,
    Arguments: {
      Cluster: { "Fn::GetAtt": ["Cluster", "Arn"] },
      LaunchType: "FARGATE",
      TaskDefinition: `\${self:custom.generated.prefix}-${family}`,
      NetworkConfiguration: { AwsvpcConfiguration: networkOf(family) },
      Overrides: {
        ...(role === undefined ? {} : { TaskRoleArn: role }),
        ContainerOverrides: [{ Name: "holdfast", Environment: environmentOf(payload, step) }],
      },
    },
    ...inOrder(flow),
  };
}

/**
 * What proves a backup runs code that comes with it: in a network without a way out. osls puts
 * either here (infra/network.ts).
 */
function networkOf(family: ContainerRun["family"]): string {
  return `\${self:custom.generated.${family === "prove" ? "provingNetwork" : "network"}}`;
}

function environmentOf(payload: Values | string, step: string | undefined) {
  return [
    ...(step === undefined ? [] : [{ Name: "HOLDFAST_STEP", Value: step }]),
    { Name: "HOLDFAST_EVENT", Value: `{% $string(${toExpression(payload)}) %}` },
    { Name: "HOLDFAST_TASK_TOKEN", Value: "{% $states.context.Task.Token %}" },
  ];
}

/** JSONata without its marks. */
function toExpression(value: Values | string): string {
  if (typeof value !== "string") {
    const members = Object.entries(value).map(([name, member]) => `'${name}': ${toExpression(member as string)}`);
    return `{${members.join(", ")}}`;
  }
  const [, expression] = /^\{% (.*) %\}$/.exec(value) ?? [];
  return expression ?? `'${value}'`;
}

export interface PairedStep {
  readonly comment?: string;
  readonly lambda: Invocation["target"];
  readonly container: Pick<ContainerRun, "family" | "role" | "step">;
  readonly payload: Values | string;
  /** Of the container. */
  readonly timeoutSeconds: number;
  readonly retry: Required<Flow>["Retry"];
  readonly retryOnFargate: Required<Flow>["Retry"];
  /** Of both. Default: the alert. */
  readonly catch?: readonly Catcher[];
  /** What is kept of the result; `result` is the expression for it. */
  assign(result: string): Values;
  readonly next: string;
  /** After the container. Default: as after the Lambda. */
  readonly nextOnFargate?: string;
}

/**
 * A step in a Lambda, and the same step in a container for when it is too large: `<name>` and
 * `<name>OnFargate`.
 */
export function lambdaOrFargate(name: string, step: PairedStep): States {
  const { comment, payload, timeoutSeconds, next, catch: catchers = catchAll } = step;
  const onFargate = `${name}OnFargate`;
  return {
    [name]: invoke(
      { ...(comment === undefined ? {} : { comment }), target: step.lambda, payload },
      {
        Assign: step.assign("$states.result.Payload"),
        Retry: step.retry,
        Catch: [catchTooLarge(onFargate), ...catchers],
        Next: next,
      },
    ),
    [onFargate]: runContainer(
      { ...step.container, payload, timeoutSeconds },
      { Assign: step.assign("$states.result"), Retry: step.retryOnFargate, Catch: catchers, Next: step.nextOnFargate ?? next },
    ),
  };
}

/** Starts with the container where `plan` says so, else with the Lambda. */
export function chooseRunner(name: string): State {
  return {
    Type: "Choice",
    Choices: [{ Condition: "{% $plan.runner = 'fargate' %}", Next: `${name}OnFargate` }],
    Default: name,
  };
}

/** Another machine, to its end. */
export function runMachine(machine: "BackupMachine" | "RestoreTestMachine", input: Values, flow: Flow, comment?: string): State {
  return {
    ...commentOf(comment),
    Type: "Task",
    Resource: "arn:aws:states:::states:startExecution.sync:2",
    TimeoutSeconds: 3 * daySeconds,
    Arguments: { StateMachineArn: { Ref: machine }, Input: input },
    ...inOrder(flow),
  };
}

const commentOf = (comment: string | undefined) => (comment === undefined ? {} : { Comment: comment });

/** A flow's fields in the order in which they happen. */
function inOrder({ Assign, Output, Retry, Catch, Next, End }: Flow): Flow {
  return Object.fromEntries(Object.entries({ Assign, Output, Retry, Catch, Next, End }).filter(([, value]) => value !== undefined));
}
