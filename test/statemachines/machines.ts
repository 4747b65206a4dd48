/**
 * The state machines as they are written, for tests: parsed, with CloudFormation's intrinsics
 * replaced by what they will be.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { MachineName } from "../../infra/machine-names.ts";
import { definitions } from "../../statemachines/definitions/all.ts";
import { renderMachine } from "../../statemachines/render.ts";
import { withoutContainers } from "../../statemachines/without-containers.ts";

const root = join(import.meta.dirname, "..", "..");

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: string;
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
  readonly Assign?: unknown;
  readonly Output?: unknown;
}

export interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Arguments?: Record<string, unknown>;
  readonly TimeoutSeconds?: number;
  readonly HeartbeatSeconds?: number;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string; readonly Assign?: unknown }[];
  readonly Default?: string;
  readonly Next?: string;
  readonly End?: boolean;
  readonly Assign?: unknown;
  readonly Output?: unknown;
  readonly Error?: string;
  readonly Cause?: string;
  readonly ItemReader?: { readonly Arguments: Record<string, unknown> };
  readonly ItemProcessor?: Machine & { readonly ProcessorConfig: { readonly Mode: string } };
  readonly ToleratedFailurePercentage?: number;
  readonly MaxConcurrency?: number;
}

export interface Machine {
  readonly StartAt: string;
  readonly QueryLanguage?: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, State>>;
}

export const machineNames = readdirSync(join(root, "statemachines"))
  .filter((file) => file.endsWith(".asl.yaml"))
  .map((file) => file.slice(0, -".asl.yaml".length));

/** A machine by its name; every call gives a copy of its own. */
export function readMachine(name: string): Machine {
  const text = readFileSync(join(root, "statemachines", `${name}.asl.yaml`), "utf8");
  return resolve(parse(text, { maxAliasCount: -1 })) as Machine;
}

/** A sample of events/. */
export function readEvent(folder: "functions" | "machines" | "results", name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, "events", folder, `${name}.json`), "utf8"));
}

/** Every state, those within Maps included. */
export function allStates(machine: Machine): [name: string, state: State, within: Machine][] {
  return Object.entries(machine.States).flatMap(([name, state]): [string, State, Machine][] => [
    [name, state, machine],
    ...(state.ItemProcessor === undefined ? [] : allStates(state.ItemProcessor)),
  ]);
}

export function tasksOf(machine: Machine): [name: string, state: State, within: Machine][] {
  return allStates(machine).filter(([, { Type }]) => Type === "Task");
}

/** What each source has of its own; `plan` and `due` give the name. */
const ownNames = /\{% \$(?:plan|states\.input)\.(dump|prove)Function %\}/;

/** What `restore` is asked for beside a restore. */
const looking = "'only': 'preflight'";

/**
 * The function, task or machine that a Task calls: `plan`, `dump`, `fargate:dump`,
 * `machine:BackupMachine`; `preflight`: the function that restores, which only looks.
 */
export function targetOf(state: State): string {
  if (String(state.Arguments?.["Payload"]).includes(looking)) return "preflight";
  const { FunctionName = "", TaskDefinition = "", StateMachineArn = "" } = (state.Arguments ?? {}) as Record<string, string>;
  if (FunctionName !== "") return ownNames.exec(FunctionName)?.[1] ?? lambdaNames[FunctionName] ?? FunctionName;
  if (JSON.stringify(state.Arguments?.["Overrides"] ?? "").includes('"Name":"HOLDFAST_STEP","Value":"safeguard"'))
    return "fargate:safeguard";
  if (TaskDefinition !== "") return `fargate:${TaskDefinition.replace(`${prefix}-`, "")}`;
  return `machine:${StateMachineArn}`;
}

export const networks = {
  network: { Subnets: ["subnet-1"], SecurityGroups: ["sg-1"], AssignPublicIp: "DISABLED" },
  provingNetwork: { Subnets: ["subnet-2"], SecurityGroups: ["sg-2"], AssignPublicIp: "DISABLED" },
};
const arn = "arn:aws:lambda:eu-central-1:123456789012:function:";
const lambdaNames: Readonly<Record<string, string>> = {
  [`${arn}PlanLambdaFunction`]: "plan",
  [`${arn}PruneLambdaFunction`]: "prune",
  [`${arn}RecordLambdaFunction`]: "record",
  [`${arn}RequestLambdaFunction`]: "request",
  [`${arn}RestoreLambdaFunction`]: "restore",
  [`${arn}SafeguardLambdaFunction`]: "safeguard",
  [`${arn}DueLambdaFunction`]: "due",
  [`${arn}NotifyLambdaFunction`]: "notify",
};
const prefix = "holdfast-dev";

/** A machine as a stack without containers has it. */
export function readMachineWithoutContainers(name: MachineName): Machine {
  return resolve(parse(renderMachine(name, withoutContainers(definitions[name])), { maxAliasCount: -1 })) as Machine;
}

function resolve(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolve);
  const [, family] = /^\$\{self:custom\.generated\.prefix\}(-.*)$/.exec(typeof value === "string" ? value : "") ?? [];
  if (family !== undefined) return `${prefix}${family}`;
  // osls puts the network here (infra/fargate.ts).
  const [, name] = /^\$\{self:custom\.generated\.(network|provingNetwork)\}$/.exec(typeof value === "string" ? value : "") ?? [];
  if (name !== undefined) return networks[name as keyof typeof networks];
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [key, inner] = entries[0] ?? [];
  if (entries.length === 1 && key === "Ref") return inner;
  if (entries.length === 1 && key === "Fn::GetAtt") return `${arn}${(inner as string[])[0]}`;
  return Object.fromEntries(entries.map(([name, part]) => [name, resolve(part)]));
}
