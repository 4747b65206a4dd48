/**
 * The parts of serverless.vault.yml, generated at package time and handed on by ../generate.js.
 * Plain JavaScript, as osls gives it its own untyped variables.
 */
import { partUnlessRefused, readableError } from "../readable-error.ts";
import { refuseLongRights } from "../refusals.ts";
import { placeRoles } from "../role-boundary.ts";
import { stackPolicy } from "../stack-protection.ts";
import { readOwner } from "./owner.ts";
import { ownerFunctions, ownerOutputs, ownerResources } from "./pruning.ts";

const names = ["policy", "vault", "stacks", "readers", "mail", "boundary", "protection", "trail"];

/** Rejects with a text that a person can act on. */
async function generateAll({ resolveVariable }) {
  try {
    const parameters = {
      stage: await resolveVariable("sls:stage"),
      region: await resolveVariable("self:provider.region"),
    };
    for (const name of names) parameters[name] = await resolveVariable(`param:${name}`);
    const owner = readOwner(parameters);
    const Resources = placeRoles(owner, ownerResources(owner));
    refuseLongRights(Resources);
    return { parameters, owner, resources: { Resources, Outputs: ownerOutputs(owner) } };
  } catch (error) {
    throw readableError(error);
  }
}

const quietly = (variables, part) => partUnlessRefused(generateAll(variables), part);

export async function custom(variables) {
  // For the plugin that looks at the account (account-checks.js).
  const { parameters } = await generateAll(variables);
  return { parameters };
}

export const functions = (variables) => quietly(variables, ({ owner }) => ownerFunctions(owner));

/** Undefined for the stage `local`: the local cloud has no such protection. */
export const deletionProtection = (variables) => quietly(variables, ({ owner: { local, protects } }) => (local ? null : protects));

export const policyOfStack = (variables) => quietly(variables, ({ owner }) => stackPolicy(owner.protects));

export const resources = (variables) => quietly(variables, (all) => all.resources);
