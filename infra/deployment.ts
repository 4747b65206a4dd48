/** What is deployed: the stage, the policy, and what the person who deploys has decided (parameters of the command line). */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { parsePolicy } from "../src/policy/parse-policy.ts";
import type { KeyReference, Policy, S3Vault, VaultConfig } from "../src/policy/policy.ts";
import { checkImage, imagePattern, refuse, refuseOtherRegions, refuseWhatStaysHome } from "./refusals.ts";

export const service = "holdfast";

export interface Parameters {
  readonly stage: string;
  /** The policy's file; relative to the service. */
  readonly policy: string;
  /** Where the stack is. */
  readonly region: string;
  /** The tools' container image, with its digest; empty: the tools run as plain zips (stage `local` only). */
  readonly image: string;
  /** `create` makes buckets and keys, `existing` takes over those that an earlier stack left. */
  readonly vault: string;
  /** Subnets and security groups, comma-separated, that reach the sources; empty: a small public network is made for Fargate. */
  readonly subnets: string;
  readonly securityGroups: string;
  /** Directories of PostgreSQL's programs, for the stage `local`, whose functions have no image. */
  readonly postgresPath: string;
}

export interface Deployment {
  readonly stage: string;
  /** The beginning of every resource's name: `holdfast-<stage>`. */
  readonly prefix: string;
  readonly local: boolean;
  readonly region: string;
  readonly policy: Policy;
  readonly policyText: string;
  readonly image: string;
  readonly createsVault: boolean;
  readonly postgresPath: string;
  readonly network: { readonly subnets: readonly string[]; readonly securityGroups: readonly string[] } | undefined;
}

/** The deployment that the parameters describe. Errors: UsageInvalid, PolicyNotFound, PolicyInvalid: before anything is packaged. */
export function readDeployment(parameters: Parameters): Deployment {
  const { stage, image, region } = parameters;
  const local = stage === "local";
  if (!/^[a-z0-9]{1,10}$/.test(stage))
    throw refuse(`the stage "${stage}" cannot be part of a resource's name`, "Use up to ten small letters and digits.");
  if (!local) checkImage(image, region);
  if (parameters.vault !== "create" && parameters.vault !== "existing") {
    throw refuse(`the parameter vault is "${parameters.vault}"`, "Give --param=vault=create or --param=vault=existing.");
  }
  const { policy, text } = readPolicyFile(parameters.policy);
  refuseWhatStaysHome(policy);
  const createsVault = parameters.vault === "create";
  if (createsVault) refuseOtherRegions(policy, region);
  return {
    stage,
    prefix: `${service}-${stage}`,
    local,
    region,
    policy,
    policyText: text,
    image,
    createsVault,
    postgresPath: parameters.postgresPath,
    network: readNetwork(parameters),
  };
}

/** The name of the image's repository; undefined where the tools run as plain zips. */
export function imageRepository({ image }: Deployment): string | undefined {
  return imagePattern.exec(image)?.[2];
}

function readPolicyFile(file: string): { readonly policy: Policy; readonly text: string } {
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

function readNetwork({ subnets, securityGroups }: Parameters): Deployment["network"] {
  const list = (text: string): string[] =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  if (subnets === "" && securityGroups === "") return undefined;
  const network = { subnets: list(subnets), securityGroups: list(securityGroups) };
  if (network.subnets.length > 0 && network.securityGroups.length > 0) return network;
  throw refuse("subnets and security groups go together", "Give both --param=subnets=… and --param=securityGroups=….");
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

/** A name as a logical id: letters and digits only. Distinct for distinct names, for what is no letter or digit is written as its code. */
export function logicalId(...parts: readonly string[]): string {
  const plain = (part: string): string =>
    part.replaceAll(/[^A-Za-z0-9]/g, (character) => `x${character.codePointAt(0)?.toString(16)}`);
  return parts
    .map((part) => plain(part))
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}
