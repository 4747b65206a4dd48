/**
 * What is deployed: the stage, the policy, and what the person who deploys has decided (parameters
 * of the command line).
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { parsePolicy } from "../src/policy/parse-policy.ts";
import type { KeyReference, Policy, S3Vault, SigningKeyReference, VaultConfig } from "../src/policy/policy.ts";
import { type EventBus, readEventBus } from "./event-bus.ts";
import { readVaultAccount } from "./foreign-vault.ts";
import { checkImage, imagePattern, refuse, refuseOtherRegions, refuseOutOfReach, refuseWhatStaysHome } from "./refusals.ts";
import { readBoundary, readRolePath } from "./role-boundary.ts";
import { readSecretsKeys } from "./secrets-keys.ts";
import { readProtection, readTrail } from "./stack-protection.ts";
import {
  type Architecture,
  chooseLayer,
  hasContainers,
  readArchitecture,
  refuseLackingAuthorities,
  refuseLackingExtensions,
  refuseTooLarge,
  type ToolsLayer,
} from "./tools.ts";
import type { VaultUsers } from "./vault-owner/users.ts";

export const service = "holdfast";

/**
 * The network that the stack makes for proofs has a range for so many zones (proving-network.ts).
 */
export const maxZones = 4;

/** Room for PostgreSQL's programs beside the function's own process. */
const minToolsMemory = 1_024;
/** AWS Lambda quotas, "Function memory allocation". */
const maxMemory = 10_240;

export interface Parameters {
  readonly stage: string;
  /** The policy's file; relative to the service. */
  readonly policy: string;
  /** Where the stack is. */
  readonly region: string;
  /** `arm64` or `x86_64`. */
  readonly architecture: string;
  /**
   * The zip of PostgreSQL's programs, `FILE` or `FILE@sha256:DIGEST`; empty: the one that `npm run
   * layer` wrote, where there is one; `none`: the functions run in the image.
   */
  readonly layer: string;
  /** The containers' image, with its digest; empty: there are no containers. */
  readonly image: string;
  /**
   * `create` makes buckets and keys, `existing` takes over those that an earlier stack left,
   * `foreign` uses those of another account, whose own stack prunes.
   */
  readonly vault: string;
  /**
   * Subnets and security groups, comma-separated, that reach the sources; empty: a small public
   * network is made for Fargate.
   */
  readonly subnets: string;
  readonly securityGroups: string;
  /**
   * `isolated`: verifications and restore tests run in a network without a way out; `open`: where
   * everything else does.
   */
  readonly proving: string;
  /**
   * Availability zones of that network, comma-separated; empty: the region's first. Endpoints are
   * paid by zone.
   */
  readonly provingZones: string;
  /**
   * Subnets and security groups of such a network that exists, comma-separated; empty: the stack
   * makes one.
   */
  readonly provingSubnets: string;
  readonly provingSecurityGroups: string;
  /**
   * The id of the list of S3's addresses in this region, `pl-…`; empty: the network's routes alone
   * say what is reached.
   */
  readonly s3PrefixList: string;
  /** The ARN of the permissions boundary of every role; empty: none. */
  readonly boundary: string;
  /**
   * `on`: the stack is not deleted in one step, and no update replaces or drops what holds backups.
   */
  readonly protection: string;
  /** ARNs of keys, comma-separated, that encrypt secrets; empty: AWS's own key does. */
  readonly secretsKeys: string;
  /** `own`, or the ARN of a bus: where the stack says what happened; empty: nowhere. */
  readonly events: string;
  /** `on`: CloudTrail records what is done to objects of the vaults. */
  readonly trail: string;
  /** A path before that of every role: `/backups/`. */
  readonly rolePath: string;
  /** The ARN of the role that CloudFormation takes on, by way of change sets; empty: none. */
  readonly deploymentRole: string;
  /** Megabytes of a function with the engines' programs. */
  readonly memory: string;
  /** Directories of the engines' programs, for the stage `local`, whose functions have no layer. */
  readonly toolPath: string;
}

interface Network {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
}

/** The network that the stack makes for what runs code of a backup. */
export interface IsolatedNetwork {
  readonly kind: "isolated";
  /** Empty: the region's first. */
  readonly zones: readonly string[];
  readonly s3PrefixList: string | undefined;
}

export interface Deployment {
  readonly stage: string;
  /** The beginning of every resource's name: `holdfast-<stage>`. */
  readonly prefix: string;
  readonly local: boolean;
  readonly region: string;
  readonly policy: Policy;
  readonly policyText: string;
  readonly architecture: Architecture;
  /**
   * Undefined: functions with the programs run in the image, or in the stage `local` find them on
   * this machine.
   */
  readonly layer: ToolsLayer | undefined;
  /** Empty: there are no containers. */
  readonly image: string;
  readonly createsVault: boolean;
  /** Whose vault it is; undefined: this account's. */
  readonly vaultAccount: string | undefined;
  /** Who of other accounts uses the vault; undefined: nobody. */
  readonly users: VaultUsers | undefined;
  /** In MB, of a function with the engines' programs. */
  readonly toolsMemory: number;
  readonly toolPath: string;
  /** ARNs of the keys that encrypt secrets; the first, the policy's own. */
  readonly secretsKeys: readonly string[];
  /** Whether CloudTrail records what is done to objects of the vaults. */
  readonly trail: boolean;
  /** A path before that of every role; with a slash at both ends. */
  readonly rolePath: string;
  /** Whether the stack is protected from deletion, and its buckets and keys from an update. */
  readonly protects: boolean;
  /** The ARN of the permissions boundary of every role. */
  readonly boundary: string | undefined;
  readonly eventBus: EventBus;
  readonly network: Network | undefined;
  /**
   * Where what runs code of a backup is: `given`, in subnets that the person who deploys answers
   * for.
   */
  readonly proving: IsolatedNetwork | ({ readonly kind: "given" } & Network) | { readonly kind: "open" };
}

/**
 * The deployment that the parameters describe. Errors: UsageInvalid, PolicyNotFound, PolicyInvalid:
 * before anything is packaged.
 */
export function readDeployment(parameters: Parameters): Deployment {
  const { stage, image, region } = parameters;
  const local = stage === "local";
  if (!/^[a-z0-9]{1,10}$/.test(stage))
    throw refuse(`the stage "${stage}" cannot be part of a resource's name`, "Use up to ten small letters and digits.");
  if (!local && image !== "") checkImage(image, region);
  const architecture = readArchitecture(parameters.architecture);
  if (!["create", "existing", "foreign"].includes(parameters.vault)) {
    const hint = "Give --param=vault=create, --param=vault=existing or --param=vault=foreign.";
    throw refuse(`the parameter vault is "${parameters.vault}"`, hint);
  }
  const { policy, text } = readPolicyFile(parameters.policy);
  refuseWhatStaysHome(policy);
  if (!hasContainers({ local, image })) refuseTooLarge(policy);
  const layer = chooseLayer({ layer: parameters.layer, image, local }, architecture);
  if (layer !== undefined) {
    refuseLackingExtensions(policy, layer);
    refuseLackingAuthorities(policy, layer);
  }
  const createsVault = parameters.vault === "create";
  const proving = readProving(parameters);
  if (createsVault) refuseOtherRegions(policy, region);
  if (proving.kind === "isolated") refuseOutOfReach(policy, region);
  return {
    stage,
    prefix: `${service}-${stage}`,
    local,
    region,
    policy,
    policyText: text,
    architecture,
    layer,
    image,
    createsVault,
    vaultAccount: parameters.vault === "foreign" ? readVaultAccount(policy) : undefined,
    users: undefined,
    toolsMemory: readMemory(parameters.memory),
    toolPath: parameters.toolPath,
    protects: readProtection(parameters.protection, local),
    secretsKeys: readSecretsKeys(parameters.secretsKeys, region),
    trail: readTrail(parameters.trail, parameters.vault === "foreign"),
    rolePath: readRolePath(parameters.rolePath, parameters.vault === "foreign"),
    boundary: readBoundary(parameters.boundary),
    eventBus: readEventBus(parameters.events),
    network: readNetwork(parameters.subnets, parameters.securityGroups, ["subnets", "securityGroups"]),
    proving,
  };
}

/** The name of the image's repository; undefined where there is no image. */
export function imageRepository({ image }: Deployment): string | undefined {
  return imagePattern.exec(image)?.[2];
}

/** The policy and its text. Errors: PolicyNotFound, PolicyInvalid. */
export function readPolicyFile(file: string): { readonly policy: Policy; readonly text: string } {
  const path = resolve(file);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const hint = "Write one with `holdfast init`, or name yours with --param=policy=FILE.";
    throw new HoldfastError("PolicyNotFound", `there is no policy at ${file}`, { cause: error, hint });
  }
  return { policy: parsePolicy(text, file, { directory: dirname(path), home: homedir() }), text };
}

const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

function readNetwork(subnets: string, securityGroups: string, [first, second]: readonly [string, string]): Network | undefined {
  if (subnets === "" && securityGroups === "") return undefined;
  const network = { subnets: listOf(subnets), securityGroups: listOf(securityGroups) };
  if (network.subnets.length > 0 && network.securityGroups.length > 0) return network;
  throw refuse(`${first} and ${second} go together`, `Give both --param=${first}=… and --param=${second}=….`);
}

function readMemory(text: string): number {
  const megabytes = Number(text);
  if (/^\d+$/.test(text) && megabytes >= minToolsMemory && megabytes <= maxMemory) return megabytes;
  const range = `Give a whole number of megabytes from ${minToolsMemory} to ${maxMemory}: --param=memory=3008.`;
  throw refuse(`the parameter memory is "${text}"`, range);
}

function readProving(parameters: Parameters): Deployment["proving"] {
  const { proving, provingSubnets, provingSecurityGroups, s3PrefixList } = parameters;
  const given = readNetwork(provingSubnets, provingSecurityGroups, ["provingSubnets", "provingSecurityGroups"]);
  if (proving !== "isolated" && proving !== "open")
    throw refuse(`the parameter proving is "${proving}"`, "Give --param=proving=isolated or --param=proving=open.");
  if (proving === "open" && given !== undefined)
    throw refuse("provingSubnets name a network, and proving=open asks for none", "Give one of the two.");
  if (proving === "open") return { kind: "open" };
  if (given !== undefined) return { kind: "given", ...given };
  return { kind: "isolated", zones: readZones(parameters), s3PrefixList: readPrefixList(s3PrefixList) };
}

function readZones({ provingZones, region }: Parameters): string[] {
  const zones = listOf(provingZones);
  const hint = `Name one to ${maxZones} zones of ${region}: --param=provingZones=${region}a,${region}b.`;
  const wrong = zones.find((zone) => !zone.startsWith(region) || zone === region);
  if (wrong !== undefined) throw refuse(`the availability zone "${wrong}" is not one of ${region}`, hint);
  if (new Set(zones).size < zones.length) throw refuse("an availability zone is named twice in provingZones", hint);
  if (zones.length > maxZones) throw refuse(`${zones.length} availability zones are more than the network is made for`, hint);
  return zones;
}

function readPrefixList(id: string): string | undefined {
  if (id === "") return undefined;
  if (/^pl-[0-9a-f]{8,17}$/.test(id)) return id;
  throw refuse(`the parameter s3PrefixList is "${id}"`, "Give the id of a list: pl- with eight or more hexadecimal digits.");
}

/** The policy's vaults, all of them buckets of this account (refusals.ts). */
export function bucketsOf({ policy }: Deployment): readonly (S3Vault & VaultConfig)[] {
  return Object.values(policy.vaults).filter((vault) => vault.type === "s3");
}

export type SealingKey = KeyReference & { readonly type: "kms" };

/** The policy's KMS keys, each once. */
export function sealingKeysOf({ policy }: Deployment): readonly SealingKey[] {
  const keys = Object.values(policy.keys)
    .flatMap((entry) => entry.keys)
    .filter((key) => key.type === "kms");
  return [...new Map(keys.map((key) => [key.keyId, key])).values()];
}

/** The policy's keys in KMS that sign, each once; `signs`: and not only signed what is there. */
export function signingKeysOf({ policy }: Deployment): readonly (SigningKeyReference & { readonly signs: boolean })[] {
  const found = new Map<string, SigningKeyReference & { readonly signs: boolean }>();
  for (const { keys } of Object.values(policy.keys)) {
    for (const [index, key] of keys.entries()) {
      if (key.type !== "kms" || key.signing === undefined) continue;
      const { key: id } = key.signing;
      found.set(id, { ...key.signing, signs: index === 0 || found.get(id)?.signs === true });
    }
  }
  return [...found.values()];
}

/**
 * A name as a logical id: letters and digits only. Distinct for distinct names, for what is no
 * letter or digit is written as its code.
 */
export function logicalId(...parts: readonly string[]): string {
  const plain = (part: string): string =>
    part.replaceAll(/[^A-Za-z0-9]/g, (character) => `x${character.codePointAt(0)?.toString(16)}`);
  return parts
    .map((part) => plain(part))
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}
