/**
 * What serverless.yml and serverless.vault.yml take from here, a part for each of their keys
 * (stack-parts.js makes them). This file alone is read before anything is known of the Node that
 * osls runs on, and so it is plain JavaScript without static imports: an old Node would end with a
 * stack of its own.
 */

/** Type stripping, zstd and the runtime of the functions are all there from this one on. */
const requiredMajor = 24;

function refuseOldNode() {
  if (Number.parseInt(process.versions.node, 10) >= requiredMajor) return;
  const text = [
    `Holdfast's stack needs Node ${requiredMajor}, and osls runs on Node ${process.versions.node}.`,
    `Type \`npm run osls -- package\` (or deploy, remove, preflight) in place of \`npx osls package\`: it runs osls on the Node ${requiredMajor} that npm ci has`,
    `put into node_modules. If it is missing there, install Node ${requiredMajor} (https://nodejs.org) and type the same command again.`,
  ].join("\n");
  throw Object.assign(new Error(text), { stack: text });
}

/**
 * A part by its name; `said`: whether it is the one that says what is wrong, for osls lists all.
 */
const part =
  (name, { said = false, load = () => import("./stack-parts.js") } = {}) =>
  async (variables) => {
    if (said) refuseOldNode();
    if (Number.parseInt(process.versions.node, 10) < requiredMajor) return {};
    const parts = await load();
    return parts[name](variables);
  };

export const custom = part("custom", { said: true });
export const functions = part("functions");
export const images = part("images");
export const layers = part("layers");
export const stateMachines = part("stateMachines");
export const deploymentMethod = part("deploymentMethod");
export const iam = part("iam");
export const deletionProtection = part("deletionProtection");
export const policyOfStack = part("policyOfStack");
export const resources = part("resources");

const load = () => import("./vault-owner/stack-parts.js");
/** Of serverless.vault.yml. */
export const vaultCustom = part("custom", { said: true, load });
export const vaultFunctions = part("functions", { load });
export const vaultDeletionProtection = part("deletionProtection", { load });
export const vaultPolicyOfStack = part("policyOfStack", { load });
export const vaultResources = part("resources", { load });
