/**
 * The parts of serverless.yml: everything that the policy implies, generated at package time and
 * handed on by generate.js. Plain JavaScript, as osls gives it its own untyped variables.
 */
import { alarmResources } from "./alarms.ts";
import { alertResources } from "./alerts.ts";
import { dashboardResources } from "./dashboard.ts";
import { readDeployment } from "./deployment.ts";
import { eventResources } from "./events.ts";
import { fargateResources } from "./fargate.ts";
import { serverlessLayers } from "./function-layers.ts";
import { functionLogs, functionRoles, restorePolicies } from "./function-roles.ts";
import { failureDestinations, lambdaName, serverlessFunctions } from "./functions.ts";
import { warnOfImage } from "./image-extensions.ts";
import { machineNames } from "./machine-names.ts";
import { machineLogs, machineRoles, serverlessMachine } from "./machines.ts";
import { networkConfiguration, provingConfiguration } from "./network.ts";
import { arnParameters, stackOutputs } from "./outputs.ts";
import { peoplePolicies } from "./people.ts";
import { policyResources } from "./policy-secret.ts";
import { provingOutputs } from "./proving-network.ts";
import { partUnlessRefused, readableError } from "./readable-error.ts";
import { refuseLongRights, refuseTooMany, warnUnmeetable } from "./refusals.ts";
import { placeRoles } from "./role-boundary.ts";
import { scheduleResources } from "./schedules.ts";
import { sourceStacks } from "./source-stacks.ts";
import { stackPolicy } from "./stack-protection.ts";
import { warnOfMajors } from "./tools.ts";
import { trailResources } from "./trail.ts";
import { vaultResources } from "./vault.ts";

/** The stage and the parameters of serverless.yml. */
async function parametersOf({ resolveVariable }) {
  const parameter = (name) => resolveVariable(`param:${name}`);
  return {
    stage: await resolveVariable("sls:stage"),
    region: await resolveVariable("self:provider.region"),
    policy: await parameter("policy"),
    architecture: await parameter("architecture"),
    layer: await parameter("layer"),
    image: await parameter("image"),
    vault: await parameter("vault"),
    subnets: await parameter("subnets"),
    securityGroups: await parameter("securityGroups"),
    proving: await parameter("proving"),
    provingZones: await parameter("provingZones"),
    provingSubnets: await parameter("provingSubnets"),
    provingSecurityGroups: await parameter("provingSecurityGroups"),
    s3PrefixList: await parameter("s3PrefixList"),
    memory: await parameter("memory"),
    protection: await parameter("protection"),
    secretsKeys: await parameter("secretsKeys"),
    trail: await parameter("trail"),
    rolePath: await parameter("rolePath"),
    deploymentRole: await parameter("deploymentRole"),
    boundary: await parameter("boundary"),
    events: await parameter("events"),
    toolPath: await parameter("toolPath"),
  };
}

/** All parts. Rejects with a text that a person can act on. */
async function generateAll(variables) {
  try {
    const parameters = await parametersOf(variables);
    const deployment = readDeployment(parameters);
    const resources = {
      Resources: resourcesOf(deployment),
      Outputs: { ...provingOutputs(deployment), ...stackOutputs(deployment) },
    };
    const parts = { functions: serverlessFunctions(deployment), resources };
    refuseTooMany(countByStack(parts, sourceStacks(deployment)), deployment.policy);
    refuseLongRights(resources.Resources);
    return { ...parts, deployment, parameters };
  } catch (error) {
    throw readableError(error);
  }
}

const quietly = (variables, part) => partUnlessRefused(generateAll(variables), part);

export async function custom(variables) {
  const { deployment, parameters } = await generateAll(variables);
  // One part says it for all: osls asks for each.
  const { policy, layer } = deployment;
  const warnings = [
    ...warnUnmeetable(policy, new Date()),
    ...(layer === undefined ? [] : warnOfMajors(policy, layer)),
    ...warnOfImage(deployment),
  ];
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  return {
    // For the plugin that looks at the account (account-checks.js).
    parameters,
    prefix: deployment.prefix,
    // For the plugin that divides the template (nested-stacks.js).
    sourceStacks: sourceStacks(deployment),
    network: networkConfiguration(deployment),
    provingNetwork: provingConfiguration(deployment),
  };
}

export function functions(variables) {
  return quietly(variables, (all) => all.functions);
}

export function images(variables) {
  return quietly(variables, ({ deployment: { image } }) => (image === "" ? {} : { tools: { uri: image } }));
}

export function layers(variables) {
  return quietly(variables, ({ deployment }) => serverlessLayers(deployment));
}

export function stateMachines(variables) {
  return quietly(variables, ({ deployment }) =>
    Object.fromEntries(machineNames.map((name) => [name, serverlessMachine(deployment, name)])),
  );
}

/** Undefined for the stage `local`: the local cloud has no such protection. */
export function deletionProtection(variables) {
  return quietly(variables, ({ deployment: { local, protects } }) => (local ? null : protects));
}

/** Through change sets, where CloudFormation has a role of its own: what deploys may do no more. */
export function deploymentMethod(variables) {
  return quietly(variables, ({ parameters: { deploymentRole } }) => (deploymentRole === "" ? "direct" : "changesets"));
}

export function iam(variables) {
  return quietly(variables, ({ parameters: { deploymentRole } }) => (deploymentRole === "" ? {} : { deploymentRole }));
}

export function policyOfStack(variables) {
  return quietly(variables, ({ deployment }) => stackPolicy(deployment.protects));
}

export function resources(variables) {
  return quietly(variables, (all) => all.resources);
}

/**
 * How many resources each stack has, the root first. osls adds a function for each key, a log for
 * each that has none named, the machines, the layer, and the bucket of packages with its policy.
 */
function countByStack({ functions, resources }, stackOf) {
  const logs = Object.values(functions).filter(({ disableLogs }) => disableLogs !== true);
  const names = [...Object.keys(resources.Resources), ...Object.keys(functions).map(lambdaName)];
  const placed = Map.groupBy(names, (name) => stackOf[name] ?? "");
  const nested = [...placed].filter(([stack]) => stack !== "").map(([, own]) => own.length);
  return [(placed.get("") ?? []).length + nested.length + logs.length + machineNames.length + 3, ...nested];
}

function resourcesOf(deployment) {
  return placeRoles(deployment, {
    ...vaultResources(deployment),
    ...policyResources(deployment),
    ...functionRoles(deployment),
    ...functionLogs(deployment),
    ...restorePolicies(deployment),
    ...peoplePolicies(deployment),
    ...failureDestinations(deployment),
    ...machineRoles(deployment),
    ...machineLogs(deployment),
    ...fargateResources(deployment),
    ...scheduleResources(deployment),
    ...alertResources(deployment),
    ...eventResources(deployment),
    ...alarmResources(deployment),
    ...dashboardResources(deployment),
    ...arnParameters(deployment),
    ...trailResources(deployment),
  });
}
