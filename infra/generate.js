/**
 * What serverless.yml takes from here: everything that the policy implies, generated at package
 * time. osls reads .js files only.
 */
import { isHoldfastError } from "../src/errors/holdfast-error.ts";
import { alarmResources } from "./alarms.ts";
import { alertResources } from "./alerts.ts";
import { dashboardResources } from "./dashboard.ts";
import { readDeployment } from "./deployment.ts";
import { fargateResources } from "./fargate.ts";
import { failureDestinations, functionRoles, serverlessFunctions } from "./functions.ts";
import { machineNames } from "./machine-names.ts";
import { machineLogs, machineRoles, serverlessMachine } from "./machines.ts";
import { networkConfiguration, provingConfiguration } from "./network.ts";
import { policyResources } from "./policy-secret.ts";
import { provingOutputs } from "./proving-network.ts";
import { refuseLongRights, refuseTooMany } from "./refusals.ts";
import { scheduleResources } from "./schedules.ts";
import { vaultResources } from "./vault.ts";

/** The deployment, from the stage and the parameters of serverless.yml. */
async function deploymentOf({ resolveVariable }) {
  const parameter = (name) => resolveVariable(`param:${name}`);
  const parameters = {
    stage: await resolveVariable("sls:stage"),
    region: await resolveVariable("self:provider.region"),
    policy: await parameter("policy"),
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
    toolPath: await parameter("toolPath"),
  };
  return readDeployment(parameters);
}

/** All parts. Rejects with a text that a person can act on. */
async function generateAll(variables) {
  try {
    const deployment = await deploymentOf(variables);
    const resources = { Resources: resourcesOf(deployment), Outputs: provingOutputs(deployment) };
    const parts = { functions: serverlessFunctions(deployment), resources };
    const count = Object.keys(parts.resources.Resources).length + ofOsls(Object.keys(parts.functions).length);
    refuseTooMany(count, deployment.policy);
    refuseLongRights(resources.Resources);
    return { ...parts, deployment };
  } catch (error) {
    throw readable(error);
  }
}

/**
 * What a person can fix, as opposed to a fault of this program, or osls's own ways of asking
 * again.
 */
class Refusal extends Error {}

/** osls lists the refusal of every part: `custom` tells it, and the others are then empty. */
async function quietly(variables, part) {
  try {
    return part(await generateAll(variables));
  } catch (error) {
    if (error instanceof Refusal) return {};
    throw error;
  }
}

/**
 * osls prints an error's stack; a person who deploys is helped by what is wrong and how to fix it.
 */
function readable(error) {
  if (!isHoldfastError(error)) return error;
  const text = [error.message, ...error.details.map((detail) => `  ${detail}`), error.hint].join("\n");
  return Object.assign(new Refusal(text), { stack: text });
}

export async function custom(variables) {
  const { deployment } = await generateAll(variables);
  return {
    prefix: deployment.prefix,
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

export function stateMachines(variables) {
  return quietly(variables, ({ deployment }) =>
    Object.fromEntries(machineNames.map((name) => [name, serverlessMachine(deployment, name)])),
  );
}

export function resources(variables) {
  return quietly(variables, (all) => all.resources);
}

/**
 * What osls adds by itself: a log and a function for each key, the machines, and the bucket of
 * packages with its policy.
 */
const ofOsls = (functionCount) => 2 * functionCount + machineNames.length + 2;

function resourcesOf(deployment) {
  return {
    ...vaultResources(deployment),
    ...policyResources(deployment),
    ...functionRoles(deployment),
    ...failureDestinations(deployment),
    ...machineRoles(deployment),
    ...machineLogs(deployment),
    ...fargateResources(deployment),
    ...scheduleResources(deployment),
    ...alertResources(deployment),
    ...alarmResources(deployment),
    ...dashboardResources(deployment),
  };
}
