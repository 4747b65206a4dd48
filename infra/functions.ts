/** The functions: what each runs on, what it is told, and the role that is its own. */

import { ownKey, ownWorks } from "../functions/commons/source-names.ts";
import type { SourceConfig } from "../src/policy/policy.ts";
import { approvalSpecs } from "./approval-functions.ts";
import * as approvalRights from "./approval-rights.ts";
import { type Deployment, logicalId } from "./deployment.ts";
import { eventEnvironment, putEvents } from "./event-rights.ts";
import { functionLayers } from "./function-layers.ts";
import type { FunctionSpec } from "./function-spec.ts";
import type { MachineName } from "./machine-names.ts";
import { functionNetwork } from "./network.ts";
import { policyPlace } from "./policy-secret.ts";
import * as rights from "./rights.ts";
import * as secretRights from "./secret-rights.ts";
import { namesEnvironment, sourcesLog } from "./source-resources.ts";
import { stateEnvironment } from "./state-buckets.ts";
import { tellingRights, topicEnvironment } from "./telling.ts";
import { allow, arnOf, ownArn, type Resource, type Resources, ref, sub } from "./template.ts";
import { layerLocales } from "./tools.ts";

/** Several pieces of evidence of the largest backup: each is read, checked, signed and written. */
const recordSeconds = 300;
/** A piece of evidence has 64 MB at most, and several times that when it is parsed. */
const recordMemory = 1_024;

export const metricsNamespace = "Holdfast";

/** AWS Lambda's most. */
const maxSeconds = 900;
/** AWS Lambda's most, in MB: a throwaway server lives there. */
const maxTemporary = 10_240;

/** The machines that schedules start; the others are started by hand. */
export const scheduledMachines: readonly MachineName[] = ["backup", "restore-test", "verify", "fleet"];

export function functionSpecs(deployment: Deployment): FunctionSpec[] {
  const sources = Object.values(deployment.policy.sources);
  return [
    ...deciders(deployment),
    ...sources.flatMap((source): FunctionSpec[] => [dumpSpec(deployment, source), proveSpec(deployment, source)]),
    restoreSpec(deployment),
    ...approvalSpecs(deployment),
    recordSpec(deployment),
    // The application calls it, and waits for its answer: a failure is that call's.
    { key: "erase-add", module: "erase-add", rights: rights.addErasures(deployment) },
    // A vault of another account is pruned by that account's own stack.
    ...(deployment.vaultAccount === undefined ? [pruneSpec(deployment)] : []),
    ...tellers(deployment),
  ];
}

/** What says what happens next, and touches no backup. */
function deciders(deployment: Deployment): FunctionSpec[] {
  const { prefix } = deployment;
  const machines = scheduledMachines.map((name) => ownArn("states", `stateMachine:${prefix}-${name}`));
  const catalogue = rights.readCatalogue(deployment);
  return [
    { key: "start", module: "start", unattended: true, rights: [allow(["states:StartExecution"], machines)] },
    { key: "plan", module: "plan", rights: catalogue, environment: namesEnvironment(deployment) },
    {
      key: "due",
      module: "due",
      timeout: maxSeconds,
      rights: [...catalogue, ...rights.writeLists(deployment)],
      environment: { ...stateEnvironment(deployment), ...namesEnvironment(deployment) },
    },
  ];
}

/** Any backup to any place that the policy names: started by a person. */
function restoreSpec(deployment: Deployment): FunctionSpec {
  const findings = [...rights.markReading(deployment), ...rights.handFindingsOver(deployment)];
  const own = [
    ...rights.readBackups(deployment),
    ...findings,
    ...rights.noteProgress(deployment),
    ...approvalRights.checkApprovals(deployment),
  ];
  return {
    key: "restore",
    module: "restore",
    tools: true,
    reach: "sources",
    rights: [...own, ...(secretRights.readConnections(deployment)[0] ?? [])],
    environment: stateEnvironment(deployment),
  };
}

/**
 * Writes the evidence of what others found. It runs no code of a backup, reaches no source, and
 * reads what it records as a claim about the backup that the machine names.
 */
function recordSpec(deployment: Deployment): FunctionSpec {
  return {
    key: "record",
    module: "record",
    timeout: recordSeconds,
    memorySize: recordMemory,
    rights: [...rights.recordEvidence(deployment), ...approvalRights.recordApprovals(deployment), ...putEvents(deployment)],
    environment: { ...stateEnvironment(deployment), ...eventEnvironment(deployment) },
  };
}

/** Deletes what retention releases; it is in the account of the vault. */
export function pruneSpec(deployment: Deployment): FunctionSpec {
  return {
    key: "prune",
    module: "prune",
    timeout: maxSeconds,
    rights: [
      ...rights.readCatalogue(deployment),
      ...rights.readManifestSeals(deployment),
      ...rights.deleteBackups(deployment),
      ...putEvents(deployment),
    ],
    environment: eventEnvironment(deployment),
  };
}

/** What tells people. */
function tellers(deployment: Deployment): FunctionSpec[] {
  const topics = topicEnvironment;
  const tell = tellingRights(deployment);
  return [
    {
      key: "notify",
      module: "notify",
      rights: [...tell, ...rights.noteDamage(deployment), ...putEvents(deployment)],
      environment: { ...topics, ...stateEnvironment(deployment), ...eventEnvironment(deployment) },
    },
    { key: "on-task", module: "on-task", unattended: true, rights: [rights.failTasks] },
    {
      key: "on-execution",
      module: "on-execution",
      unattended: true,
      rights: [...tell, ...putEvents(deployment)],
      environment: { ...topics, ...eventEnvironment(deployment) },
    },
    {
      key: "watch",
      module: "watch",
      unattended: true,
      timeout: maxSeconds,
      rights: [...tell, ...rights.rememberWatch(deployment)],
      environment: { ...topics, ...stateEnvironment(deployment) },
    },
    { key: "slack", module: "slack", unattended: true, rights: secretRights.readWebhooks(deployment) },
  ];
}

function dumpSpec(deployment: Deployment, source: SourceConfig): FunctionSpec {
  return {
    key: ownKey("dump", source.name),
    module: "dump",
    source: source.name,
    tools: true,
    reach: "sources",
    rights: [...rights.addBackups(deployment, source), ...secretRights.readSecretsOf(source)],
    environment: { HOLDFAST_SOURCE: source.name },
  };
}

/**
 * Runs the code that comes with the source's backups: it reads that source's, in a network without
 * a way out.
 */
function proveSpec(deployment: Deployment, source: SourceConfig): FunctionSpec {
  return {
    key: ownKey("prove", source.name),
    module: "prove",
    source: source.name,
    tools: true,
    reach: "proofs",
    rights: rights.proveBackups(deployment, source),
    environment: { HOLDFAST_SOURCE: source.name, ...stateEnvironment(deployment) },
  };
}

/** The `functions` of serverless.yml. */
export function serverlessFunctions(deployment: Deployment, specs = functionSpecs(deployment)): Record<string, unknown> {
  return Object.fromEntries(
    specs.map((spec) => {
      const size =
        spec.tools === true
          ? { memorySize: deployment.toolsMemory, timeout: maxSeconds, ephemeralStorageSize: maxTemporary }
          : { memorySize: 512, timeout: 60 };
      return [
        spec.key,
        {
          name: `${deployment.prefix}-${spec.key}`,
          ...(spec.tools === true && deployment.layer === undefined && !deployment.local
            ? { image: { name: "tools", command: [`${spec.module}.handler`] } }
            : { handler: `functions/${spec.module}.handler` }),
          ...(spec.tools === true ? functionLayers(deployment) : {}),
          ...size,
          ...(spec.timeout === undefined ? {} : { timeout: spec.timeout }),
          ...(spec.memorySize === undefined ? {} : { memorySize: spec.memorySize }),
          // As text with a reference in it: osls would add to a name a DependsOn that says the same
          // once more.
          role: sub(`\${${roleName(spec.key)}.Arn}`),
          ...functionNetwork(deployment, spec.reach),
          // One log for all sources: osls would make one a function.
          ...(spec.source === undefined ? {} : { disableLogs: true, logs: { logGroup: sourcesLog(deployment) } }),
          environment: environmentOf(deployment, spec),
        },
      ];
    }),
  );
}

export function environmentOf(
  { prefix, local, layer, toolPath }: Deployment,
  spec: Pick<FunctionSpec, "module" | "environment" | "tools">,
): Record<string, unknown> {
  return {
    HOLDFAST_POLICY: policyPlace,
    // The stage is part of it, for it is a dimension of every metric: stages do not mix.
    POWERTOOLS_SERVICE_NAME: prefix,
    POWERTOOLS_METRICS_NAMESPACE: metricsNamespace,
    POWERTOOLS_LOG_LEVEL: "INFO",
    ...(spec.tools === true && layer !== undefined ? { LOCPATH: layerLocales } : {}),
    ...(local ? { POWERTOOLS_TRACE_ENABLED: "false", HOLDFAST_PG_PATH: toolPath } : {}),
    ...spec.environment,
  };
}

/**
 * The beginning of the logical ids of what a function has; distinct for distinct sources: `db-1` is
 * not `db1`.
 */
export function resourceStem(key: string): string {
  const work = ownWorks.find((each) => key.startsWith(`${each}-`));
  return work === undefined ? logicalId(...key.split("-")) : logicalId(work, key.slice(work.length + 1));
}

export const roleName = (key: string): string => `${resourceStem(key)}Role`;

/** Where the call goes that an unattended function could not do: to a queue that alarms. */
export function failureDestinations(deployment: Deployment, specs = functionSpecs(deployment)): Resources {
  const unattended = specs.filter((spec) => spec.unattended === true);
  return Object.fromEntries(
    unattended.map(({ key }): [string, Resource] => [
      `${resourceStem(key)}Failures`,
      {
        Type: "AWS::Lambda::EventInvokeConfig",
        Properties: {
          FunctionName: ref(lambdaName(key)),
          Qualifier: "$LATEST",
          MaximumRetryAttempts: 2,
          // Lambda's most: while the account's concurrent executions are taken, the event waits.
          MaximumEventAgeInSeconds: 21_600,
          DestinationConfig: { OnFailure: { Destination: arnOf("AlertQueue") } },
        },
      },
    ]),
  );
}

/** osls's logical id of a function: `-` becomes `Dash`, `_` `Underscore`. */
export function lambdaName(key: string): string {
  return `${key.charAt(0).toUpperCase()}${key.slice(1).replaceAll("-", "Dash").replaceAll("_", "Underscore")}LambdaFunction`;
}

export const lambdaArn = (key: string) => arnOf(lambdaName(key));
