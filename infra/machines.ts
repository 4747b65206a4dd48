/**
 * The state machines and the roles that they run under: each may call what its definition names,
 * and nothing else.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { OwnWork } from "../functions/commons/source-names.ts";
import { definitions } from "../statemachines/definitions/all.ts";
import { renderMachine } from "../statemachines/render.ts";
import { withoutApproval } from "../statemachines/without-approval.ts";
import { withoutContainers } from "../statemachines/without-containers.ts";
import { withoutPruning } from "../statemachines/without-pruning.ts";
import type { Deployment } from "./deployment.ts";
import { lambdaArn, roleName } from "./functions.ts";
import { type MachineName, machineNames } from "./machine-names.ts";
import { rolesOfWork } from "./source-resources.ts";
import { stateObjects } from "./state-buckets.ts";
import {
  allow,
  allowWithoutResource,
  arnOf,
  forThisAccount,
  named,
  ownArn,
  type Resources,
  role,
  type Statement,
  sub,
} from "./template.ts";
import { hasContainers } from "./tools.ts";

const machinesDirectory = join(import.meta.dirname, "..", "statemachines");

export const machineLogicalNames: Readonly<Record<MachineName, string>> = {
  backup: "BackupMachine",
  "restore-test": "RestoreTestMachine",
  restore: "RestoreMachine",
  verify: "VerifyMachine",
  fleet: "FleetMachine",
};

export function machineRoles(deployment: Deployment): Resources {
  const call = (...keys: readonly string[]): Statement => allow(["lambda:InvokeFunction"], keys.map(lambdaArn));
  const statements: Readonly<Record<MachineName, readonly Statement[]>> = {
    backup: [
      call("plan", "record", ...(deployment.vaultAccount === undefined ? ["prune"] : []), "notify"),
      ...ofEverySource(deployment, "dump"),
      ...ofEverySource(deployment, "prove"),
    ],
    "restore-test": [call("plan", "record", "notify"), ...ofEverySource(deployment, "prove")],
    restore: [
      call("plan", "restore", "record", "notify", ...(deployment.vaultAccount === undefined ? ["request", "safeguard"] : [])),
      ...runTasks(deployment, "restore", ["restore", ...(deployment.vaultAccount === undefined ? ["safeguard"] : [])]),
    ],
    verify: [call("due", "record", "notify"), ...ofEverySource(deployment, "prove"), ...distribute(deployment, "verify")],
    fleet: [call("due", "notify"), ...distribute(deployment, "fleet"), ...startMachines(deployment, ["backup", "restore-test"])],
  };
  return Object.fromEntries(
    machineNames.map((name) => [
      `${machineLogicalNames[name]}Role`,
      role("states.amazonaws.com", [...statements[name], ...observe], { condition: forThisAccount }),
    ]),
  );
}

const writtenMachine = (name: MachineName): string => readFileSync(join(machinesDirectory, `${name}.asl.yaml`), "utf8");

/** As it is written, or as much of it as this stack has. */
function machineOf(deployment: Deployment, name: MachineName): string {
  const written = definitions[name];
  const pruning = deployment.vaultAccount === undefined ? written : withoutPruning(written);
  const approving = deployment.vaultAccount === undefined ? pruning : withoutApproval(pruning);
  const definition = hasContainers(deployment) ? approving : withoutContainers(approving);
  return definition === written ? writtenMachine(name) : renderMachine(name, definition);
}

/** One of the `stateMachines` of serverless.yml. */
export function serverlessMachine(deployment: Deployment, name: MachineName) {
  const { prefix } = deployment;
  return {
    id: machineLogicalNames[name],
    name: `${prefix}-${name}`,
    role: arnOf(`${machineLogicalNames[name]}Role`),
    tracingConfig: { enabled: true },
    loggingConfig: { level: "ERROR", includeExecutionData: true, destinations: [arnOf("MachinesLog")] },
    definition: inThisPartition(parse(machineOf(deployment, name))),
  };
}

/**
 * The definitions name Step Functions' integrations as in `aws`; in `aws-cn` and `aws-us-gov` their
 * ARNs begin otherwise. An ItemReader's is a text, in which the plugin puts the partition itself.
 */
function inThisPartition(value: unknown, within = ""): unknown {
  if (typeof value === "string" && value.startsWith("arn:aws:")) {
    const rest = value.slice("arn:aws:".length);
    return within === "ItemReader" ? `arn:#{AWS::Partition}:${rest}` : sub(`arn:\${AWS::Partition}:${rest}`);
  }
  if (Array.isArray(value)) return value.map((each) => inThisPartition(each, within));
  if (typeof value !== "object" || value === null) return value;
  const inside = (key: string) => (key === "Resource" ? within : key);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inThisPartition(each, inside(key))]));
}

/**
 * Of this work there is a function and a role for each source: named one by one, they would outgrow
 * what a role's policy may hold.
 */
function ofEverySource(deployment: Deployment, work: OwnWork): Statement[] {
  const { prefix } = deployment;
  const call = named(
    "EverySourceOfThisStage",
    allow(["lambda:InvokeFunction"], [ownArn("lambda", `function:${prefix}-${work}-*`)]),
  );
  if (!hasContainers(deployment)) return [call];
  return [
    call,
    runTask(taskDefinitions(prefix, work)),
    named("EverySourcesRole", passRole(rolesOfWork(deployment, work), arnOf("TaskExecutionRole"))),
  ];
}

/**
 * `family`: the name of a task definition after the prefix; `roles`: which its containers may have.
 */
function runTasks(deployment: Deployment, family: string, roles: readonly string[]): Statement[] {
  const { prefix } = deployment;
  if (!hasContainers(deployment)) return [];
  return [
    runTask(taskDefinitions(prefix, family)),
    passRole(...roles.map((key) => arnOf(roleName(key))), arnOf("TaskExecutionRole")),
  ];
}

/** Every revision of it. */
const taskDefinitions = (prefix: string, family: string) => ownArn("ecs", `task-definition/${prefix}-${family}:*`);

const runTask = (definition: unknown): Statement =>
  allow(["ecs:RunTask"], [definition], { ArnEquals: { "ecs:cluster": arnOf("Cluster") } });

/** A container runs under its task's role, started by the execution role: nobody else's. */
function passRole(...roles: readonly unknown[]): Statement {
  return allow(["iam:PassRole"], roles, { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } });
}

/**
 * A Distributed Map starts executions of its own machine, and reads its list from the state bucket.
 */
function distribute(deployment: Deployment, name: MachineName): Statement[] {
  const { prefix } = deployment;
  return [
    allow(["states:StartExecution"], [ownArn("states", `stateMachine:${prefix}-${name}`)]),
    allow(["states:DescribeExecution", "states:StopExecution"], [ownArn("states", `execution:${prefix}-${name}/*`)]),
    allow(["s3:GetObject"], [stateObjects(deployment, "lists/*")]),
  ];
}

/** `startExecution.sync:2` watches through a rule that Step Functions manages. */
function startMachines({ prefix }: Deployment, names: readonly MachineName[]): Statement[] {
  return [
    allow(
      ["states:StartExecution"],
      names.map((name) => ownArn("states", `stateMachine:${prefix}-${name}`)),
    ),
    allow(
      ["states:DescribeExecution", "states:StopExecution"],
      names.map((name) => ownArn("states", `execution:${prefix}-${name}:*`)),
    ),
    allow(
      ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      [ownArn("events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")],
    ),
  ];
}

const observe: readonly Statement[] = [
  allowWithoutResource("XrayTakesNoResource", [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
  ]),
  allowWithoutResource("LogDeliveryTakesNoResource", [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
  ]),
];

export function machineLogs({ prefix }: Deployment): Resources {
  return {
    MachinesLog: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: `/aws/vendedlogs/states/${prefix}`, RetentionInDays: 365 },
    },
  };
}
