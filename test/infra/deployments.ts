/**
 * Deployments for tests of single parts: a policy's text, and what the person who deploys has
 * decided.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Deployment, type Parameters, readDeployment } from "../../infra/deployment.ts";
export const samplePolicyText = readFileSync(join(import.meta.dirname, "holdfast.yml"), "utf8");

const keyOf = (name: string): string => `"arn:aws:kms:eu-west-1:222222222222:alias/${name}"`;
/** A policy that is made of the sample's, with its vault and keys in another account and Region. */
export const inAnotherAccount = (text: string): string =>
  text
    .replace("bucket: acme-backups\n", "bucket: acme-backups\n    region: eu-west-1\n")
    .replace("alias/acme-backups", keyOf("acme-backups"))
    .replace("alias/acme-signing", keyOf("acme-signing"));
export const foreignPolicyText = inAnotherAccount(samplePolicyText);

export const parameters: Omit<Parameters, "policy"> = {
  stage: "dev",
  region: "eu-central-1",
  architecture: "arm64",
  // Not what lies in the directory in which the tests run.
  layer: "none",
  image: `123456789012.dkr.ecr.eu-central-1.amazonaws.com/holdfast@sha256:${"a1".repeat(32)}`,
  vault: "create",
  subnets: "",
  securityGroups: "",
  proving: "isolated",
  provingZones: "",
  provingSubnets: "",
  provingSecurityGroups: "",
  s3PrefixList: "",
  protection: "on",
  secretsKeys: "",
  trail: "off",
  rolePath: "/",
  deploymentRole: "",
  boundary: "",
  events: "",
  memory: "3008",
  toolPath: "",
};

/** The deployment of a policy's text. Errors: those of readDeployment. */
export function deploy(text = samplePolicyText, given: Partial<Parameters> = {}): Deployment {
  return withPolicyFile(text, (policy) => readDeployment({ ...parameters, policy, ...given }));
}

/** Does `work` with the path of a file that has this text. */
export function withPolicyFile<T>(text: string, work: (path: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "hf-deployment-"));
  try {
    const policy = join(directory, "holdfast.yml");
    writeFileSync(policy, text);
    return work(policy);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The sample policy with further sources, each like its `db1`, of these names. */
export function withSources(names: readonly string[]): string {
  const more = names.map(
    (name) =>
      `  ${name}: { engine: postgres, connection: secret:${name}/db, backup: { full: "0 4 * * *" }, retention: { daily: 7 }, restoreTest: { schedule: "0 6 * * 6" } }\n`,
  );
  return samplePolicyText.replace("alerts:\n", `${more.join("")}alerts:\n`);
}
