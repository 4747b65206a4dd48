/**
 * The small stack that owns a vault which stacks of other accounts use (serverless.vault.yml): what
 * it is deployed with.
 */
import { type Deployment, readPolicyFile } from "../deployment.ts";
import { readVaultAccount } from "../foreign-vault.ts";
import { refuse, refuseOtherRegions, refuseWhatStaysHome } from "../refusals.ts";
import { readBoundary } from "../role-boundary.ts";
import { readProtection, readTrail } from "../stack-protection.ts";
import { readUsers } from "./users.ts";

export interface OwnerParameters {
  readonly stage: string;
  readonly region: string;
  readonly policy: string;
  /** `create` or `existing`, as in a stack that backs up. */
  readonly vault: string;
  readonly stacks: string;
  readonly readers: string;
  /** Addresses that hear of a prune that failed, comma-separated; empty: the policy's own. */
  readonly mail: string;
  readonly boundary: string;
  readonly protection: string;
  /** `on`: CloudTrail records who asked for an object of the vault. */
  readonly trail: string;
}

/** A deployment with users: its functions are those of the vault alone. */
export interface Owner extends Deployment {
  readonly users: NonNullable<Deployment["users"]>;
  readonly mail: readonly string[];
}

/** Errors: UsageInvalid, PolicyNotFound, PolicyInvalid: before anything is packaged. */
export function readOwner(parameters: OwnerParameters): Owner {
  const { stage, region, vault } = parameters;
  if (!/^[a-z0-9]{1,10}$/.test(stage))
    throw refuse(`the stage "${stage}" cannot be part of a resource's name`, "Use up to ten small letters and digits.");
  if (vault !== "create" && vault !== "existing")
    throw refuse(`the parameter vault is "${vault}"`, "Give --param=vault=create or --param=vault=existing.");
  const users = readUsers(parameters.stacks, parameters.readers);
  const { policy, text } = readPolicyFile(parameters.policy);
  refuseWhatStaysHome(policy);
  readVaultAccount(policy);
  refuseOtherRegions(policy, region);
  return {
    stage,
    prefix: `holdfast-vault-${stage}`,
    local: stage === "local",
    region,
    policy,
    policyText: text,
    architecture: "arm64",
    layer: undefined,
    image: "",
    createsVault: vault === "create",
    vaultAccount: undefined,
    users,
    toolsMemory: 0,
    toolPath: "",
    secretsKeys: [],
    eventBus: undefined,
    trail: readTrail(parameters.trail, false),
    rolePath: "/",
    boundary: readBoundary(parameters.boundary),
    protects: readProtection(parameters.protection, stage === "local"),
    network: undefined,
    proving: { kind: "open" },
    mail: readMail(parameters.mail, policy.alerts),
  };
}

function readMail(text: string, alerts: Deployment["policy"]["alerts"]): string[] {
  const given = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
  const ofPolicy = (alerts.critical ?? []).flatMap((channel) => (channel.type === "email" ? [channel.address] : []));
  const addresses = given.length > 0 ? given : ofPolicy;
  if (addresses.length > 0) return addresses;
  throw refuse("nobody hears of a prune that failed", "Give --param=mail=ADDRESS: this stack alerts by mail alone.");
}
