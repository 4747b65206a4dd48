/**
 * Everything that can be known of an account before a deployment, and would stop it or its first
 * backup. Changes nothing.
 */

import { openClients } from "../adoption/clients.ts";
import type { DeploymentFinding, Level } from "../adoption/finding.ts";
import { inspectKey } from "../adoption/inspect-keys.ts";
import { inspectVault } from "../adoption/inspect-vault.ts";
import type { Account } from "../adoption/resolve-template.ts";
import { type Deployment, sealingKeysOf, signingKeysOf } from "../deployment.ts";
import { vaultRegion } from "../foreign-vault.ts";
import { readKeyName } from "../key-names.ts";
import type { PreflightClients } from "./clients.ts";
import { inspectImage } from "./image.ts";
import { inspectStageNames, inspectVaultNames, judgeStack, readStackStatus } from "./names.ts";
import { findNetwork, judgeNetwork } from "./network.ts";
import { demandsOf, judgeQuota, quotas } from "./quotas.ts";
import { readQuota, readUsed } from "./read-quotas.ts";
import { inspectSecrets } from "./secrets.ts";

/** The resources of the template that would be deployed, by their logical names. */
export type MadeResources = Readonly<Record<string, { readonly Type: string }>>;

/** One finding for each thing that was looked at; of what may not be asked, a warning. */
export async function inspectAccount(
  deployment: Deployment,
  account: Account,
  clients: PreflightClients,
  resources: MadeResources,
): Promise<DeploymentFinding[]> {
  const { prefix, createsVault, network, region } = deployment;
  const status = await asked("names", "stack", async () => [judgeStack(prefix, await readStackStatus(clients, prefix))]);
  // A stack that is there has made its names itself, and its resources are in the account's counts.
  const isNew = status.some(({ message }) => /does not exist|only be deleted/.test(message));
  const services = ["s3", "kms", "secretsmanager", ...(deployment.image === "" ? [] : ["ecr.api", "ecr.dkr", "logs", "states"])];
  return [
    ...status,
    ...(await inspectQuotas(deployment, clients, isNew ? resources : {})),
    ...(isNew ? await asked("names", "stage", () => inspectStageNames(deployment, clients)) : []),
    ...(isNew && createsVault ? await asked("names", "vault", () => inspectVaultNames(deployment, account, clients)) : []),
    ...(createsVault
      ? await inspectGivenKeys(deployment, clients)
      : await asked("vault", "vault", () => inspectVaultThere(deployment, account, clients))),
    // The stack that owns a vault for others reads no source.
    ...(deployment.users === undefined ? await asked("secrets", "secrets", () => inspectSecrets(deployment, clients)) : []),
    ...(await asked("image", "image", () => inspectImage(deployment, clients))),
    ...(network === undefined
      ? []
      : await asked("network of the sources", "network", async () =>
          judgeNetwork(network, await findNetwork(clients, network, region), services),
        )),
  ];
}

/** In the Region of the vault, which another account may have elsewhere. */
async function inspectVaultThere(
  deployment: Deployment,
  account: Account,
  clients: PreflightClients,
): Promise<DeploymentFinding[]> {
  if (deployment.vaultAccount === undefined) return inspectVault(deployment, account, clients);
  using there = openClients(vaultRegion(deployment.policy));
  return inspectVault(deployment, account, there);
}

async function inspectQuotas(
  deployment: Deployment,
  clients: PreflightClients,
  resources: MadeResources,
): Promise<DeploymentFinding[]> {
  const { region } = deployment;
  const types = Object.values(resources).map(({ Type }) => Type);
  const made = new Map([...Map.groupBy(types, (type) => type)].map(([type, all]) => [type, all.length]));
  const findings: DeploymentFinding[] = [];
  const used = made.size === 0 ? {} : await readUsed(clients).catch(() => ({}));
  for (const demand of demandsOf(deployment, made, used)) {
    const quota = quotas[demand.quota];
    findings.push(
      ...(await asked(`quotas in ${region}`, quota.name, async () => [
        judgeQuota(demand, await readQuota(clients, quota), region),
      ])),
    );
  }
  return findings;
}

/** Keys that the policy names by their ids: the stack makes none of them. */
async function inspectGivenKeys(deployment: Deployment, clients: PreflightClients): Promise<DeploymentFinding[]> {
  const given = [
    ...sealingKeysOf(deployment).map(({ keyId }) => ({ keyId, signs: false })),
    ...signingKeysOf(deployment).map(({ key: keyId }) => ({ keyId, signs: true })),
  ].filter(({ keyId }) => readKeyName(keyId).alias === undefined);
  const findings: DeploymentFinding[] = [];
  for (const wanted of given) {
    findings.push(...(await asked(`key ${wanted.keyId}`, "key", async () => (await inspectKey(clients.kms, wanted)).findings)));
  }
  return findings;
}

/** What AWS does not answer is not known, and does not end the others. */
async function asked(
  about: string,
  subject: string,
  ask: () => Promise<readonly DeploymentFinding[]>,
): Promise<DeploymentFinding[]> {
  try {
    return [...(await ask())];
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    const remedy = /AccessDenied|UnauthorizedOperation|NotAuthorized/.test(name)
      ? "Let this identity ask: infra/deployer-policy.json has the rights."
      : "Look at the service's health, and run this again.";
    return [{ about, level: "warning", subject, message: `not known: ${name}: ${message}`, remedy }];
  }
}

const labels: Readonly<Record<Level, string>> = { ok: "ok     ", warning: "warning", error: "error  " };

/** The table for people: what was looked at, and what to do. */
export function describeFindings(findings: readonly DeploymentFinding[]): string[] {
  const lines = [...Map.groupBy(findings, ({ about }) => about)].flatMap(([about, all]) => [
    about,
    ...all.flatMap(({ level, subject, message, remedy }) => [
      `  ${labels[level]}  ${subject}: ${message}`,
      ...(remedy === undefined ? [] : [`           fix: ${remedy}`]),
    ]),
  ]);
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return [...lines, "", `${findings.length} checks, ${count("error")} errors, ${count("warning")} warnings`];
}
