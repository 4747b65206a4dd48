/**
 * What cannot be deployed, and is better said before anything is packaged than at two in the
 * morning.
 */

import { allChannels, channelName } from "../src/alerts/route.ts";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import type { KeyConfig, Policy, SourceConfig, VaultConfig } from "../src/policy/policy.ts";
import { sayUnmeetable } from "../src/report/judge-schedules.ts";
import { readKeyName } from "./key-names.ts";
import { documentSizes, managedSizes, maxManagedCharacters, maxPolicyCharacters, policySizes } from "./policy-size.ts";
import type { Resources } from "./template.ts";

/**
 * An image in Amazon ECR, with its digest: a tag would give a function another program than the one
 * that was tested.
 */
export const imagePattern = /^\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([a-z0-9._/-]+)@sha256:[0-9a-f]{64}$/;

/** AWS CloudFormation quotas: resources of one template. */
const maxResources = 500;
/** The same: resources of a stack and its nested stacks that one operation makes or changes. */
const maxNestedResources = 2_500;
/** The same: a template in S3, 1 MB. */
const maxTemplateBytes = 1_000_000;

export function refuse(message: string, hint: string): HoldfastError {
  return new HoldfastError("UsageInvalid", message, { hint });
}

/** Errors: UsageInvalid. */
export function checkImage(image: string, region: string): void {
  const hint = "Build it as docs/deploy.md says, and give --param=image=REPOSITORY@sha256:DIGEST.";
  const [, imageRegion] = imagePattern.exec(image) ?? [];
  if (imageRegion === undefined)
    throw refuse(`the tools' image "${image}" is not named as a repository of Amazon ECR with a digest`, hint);
  if (imageRegion === region) return;
  throw refuse(`the tools' image is in ${imageRegion}, and Lambda takes images of its own region alone, ${region}`, hint);
}

/**
 * What lies on one machine, or asks for another provider's credentials, is out of a function's
 * reach. Errors: PolicyInvalid, naming each place.
 */
export function refuseWhatStaysHome(policy: Policy): void {
  const problems = [
    ...Object.values(policy.vaults).flatMap(vaultProblems),
    ...Object.values(policy.keys).flatMap(keyProblems),
    ...Object.values(policy.sources).flatMap(sourceProblems),
    ...Object.entries(policy.restoreTargets ?? {}).flatMap(([name, { from }]) =>
      from === "secret" ? [] : [`the connection of restore target "${name}" stands in ${from}:, not in Secrets Manager`],
    ),
    ...allChannels(policy.alerts).flatMap(({ channel }) =>
      channel.type === "slack" && channel.webhook.from !== "secret"
        ? [`the webhook ${channelName(channel)} does not stand in Secrets Manager`]
        : [],
    ),
  ];
  if (problems.length === 0) return;
  throw new HoldfastError(
    "PolicyInvalid",
    `the policy cannot be deployed: ${problems.length} of its places are out of a stack's reach`,
    {
      details: problems,
      hint: "Deploy a policy with s3:// vaults, kms: keys that sign and secret: references; back the rest up from the machine that has it.",
    },
  );
}

function vaultProblems(vault: VaultConfig): string[] {
  if (vault.type === "folder") return [`vault "${vault.name}" is a folder of this machine`];
  return vault.endpoint === undefined
    ? []
    : [`vault "${vault.name}" is at ${vault.endpoint}, for which a stack has no credentials`];
}

function keyProblems({ name, keys }: KeyConfig): string[] {
  if (keys.some(({ type }) => type === "file")) return [`key "${name}" is a file of this machine`];
  const [first] = keys;
  if (first.type !== "kms" || first.signing !== undefined) return [];
  return [`key "${name}" has no signing key (signing: { key: alias/NAME }), and evidence that nobody signed counts for nothing`];
}

function sourceProblems({ name, traits, secrets }: SourceConfig): string[] {
  if (traits.reach === "machine") return [`source "${name}" lies on this machine`];
  const elsewhere = secrets.filter(({ from }) => from !== "secret" && from !== "rds");
  return elsewhere.map(({ from }) => `a secret of source "${name}" is in ${from}:, not in Secrets Manager`);
}

/** Vaults, and keys that `counts` lets through, which the policy has in another region. */
function elsewhere({ vaults, keys }: Policy, region: string, counts: (keyId: string) => boolean): string[] {
  const found = [
    ...Object.values(vaults).map((vault) => ({
      what: `vault "${vault.name}"`,
      in: vault.type === "s3" ? vault.region : undefined,
    })),
    ...Object.values(keys).flatMap((entry) =>
      entry.keys.flatMap((key) => {
        if (key.type !== "kms") return [];
        const named = [
          { what: `key "${entry.name}"`, keyId: key.keyId },
          ...(key.signing === undefined ? [] : [{ what: `the signing key of "${entry.name}"`, keyId: key.signing.key }]),
        ];
        return named
          .filter(({ keyId }) => counts(keyId))
          .map(({ what, keyId }) => ({ what, in: key.region ?? readKeyName(keyId).region }));
      }),
    ),
  ];
  return found.filter((each) => each.in !== undefined && each.in !== region).map((each) => `${each.what} is in ${each.in}`);
}

/** What the stack makes, it makes where it is. Errors: PolicyInvalid. */
export function refuseOtherRegions(policy: Policy, region: string): void {
  const details = elsewhere(policy, region, (keyId) => readKeyName(keyId).alias !== undefined);
  if (details.length === 0) return;
  throw new HoldfastError("PolicyInvalid", `the stack is in ${region}, and makes no buckets or keys in another region`, {
    details,
    hint: "Deploy with --region where the vault is to be.",
  });
}

/**
 * A network without a way out reaches AWS's services of its own region alone. Errors:
 * PolicyInvalid.
 */
export function refuseOutOfReach(policy: Policy, region: string): void {
  const details = elsewhere(policy, region, () => true);
  if (details.length === 0) return;
  throw new HoldfastError("PolicyInvalid", `restore tests run without a way out of ${region}, and cannot reach other regions`, {
    details,
    hint: "Deploy with --region where the vault is, name a network that reaches it (--param=provingSubnets=…), or give --param=proving=open: docs/network.md says how, docs/sandbox.md what that risks.",
  });
}

/** A sentence for each source whose alarm of its age would speak between any two of its backups. */
export function warnUnmeetable({ sources, timezone }: Policy, now: Date): string[] {
  return Object.values(sources).flatMap((source) => {
    const unmeetable = sayUnmeetable(source, timezone, now);
    if (unmeetable === undefined) return [];
    return [
      `${source.name}: ${unmeetable}. The alarm age-${source.name} and the watch will alert between any two backups. Back up more often, or write the objective that the schedule keeps (objectives: { rpo: ... }).`,
    ];
  });
}

/**
 * Errors: PolicyInvalid, naming each role whose rights would be longer than IAM takes;
 * UsageInvalid, naming each bucket and key whose policy lets in more stacks and readers than it has
 * room for.
 */
export function refuseLongRights(resources: Resources): void {
  const full = documentSizes(resources).filter(({ size, max }) => size > max);
  if (full.length > 0)
    throw new HoldfastError("UsageInvalid", "more stacks and readers use the vault than its policies have room for", {
      details: full.map(({ name, size, max }) => `${name}: ${size} characters, and AWS takes ${max}`),
      hint: "Divide them among several vaults, each in a bucket of its own and with a stack of serverless.vault.yml of its own.",
    });
  const long = [
    ...[...policySizes(resources)].filter(([, size]) => size > maxPolicyCharacters),
    ...[...managedSizes(resources)].filter(([, size]) => size > maxManagedCharacters),
  ];
  if (long.length === 0) return;
  throw new HoldfastError(
    "PolicyInvalid",
    `the rights of ${long.length} roles are longer than IAM takes, ${maxPolicyCharacters} characters, or ${maxManagedCharacters} of a managed policy`,
    {
      details: long.map(([name, size]) => `${name}: ${size} characters`),
      hint: "Give secrets shorter names, or divide the sources among several policies with the same vault, each with a stage of its own.",
    },
  );
}

/**
 * `counts`: of the root and of each nested stack. Errors: PolicyInvalid, when one would have more
 * resources than CloudFormation takes, or all of them together.
 */
export function refuseTooMany(counts: readonly number[], policy: Policy): void {
  const most = Math.max(...counts);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const sources = Object.keys(policy.sources).length;
  if (most > maxResources)
    throw tooMany(`${sources} sources make ${most} resources in one of ${counts.length} stacks`, `${maxResources}`);
  if (all > maxNestedResources)
    throw tooMany(`${sources} sources make ${all} resources in ${counts.length} stacks`, `${maxNestedResources} in one deployment`);
}

/** `templates`: as they are uploaded, by the stack. Errors: PolicyInvalid, naming each. */
export function refuseLargeTemplates(templates: Readonly<Record<string, string>>): void {
  const large = Object.entries(templates)
    .map(([stack, text]) => [stack, Buffer.byteLength(text)] as const)
    .filter(([, bytes]) => bytes > maxTemplateBytes);
  if (large.length === 0) return;
  const sizes = large.map(([stack, bytes]) => `${stack} has ${bytes} bytes`);
  throw tooMany(`the template is too large: ${sizes.join(", ")}`, `${maxTemplateBytes}`);
}

const tooMany = (what: string, limit: string): HoldfastError =>
  new HoldfastError("PolicyInvalid", `${what}, and CloudFormation takes ${limit}`, {
    hint: "Divide the sources among several policies with the same vault, each with a stage of its own; docs/infrastructure.md says how.",
  });
