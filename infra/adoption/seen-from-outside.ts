/**
 * A vault of another account as a stack that uses it looks at it: what its owner must have made,
 * and who must be asked. Pure.
 */
import type { Deployment } from "../deployment.ts";
import { vaultRegion } from "../foreign-vault.ts";
import type { DeploymentFinding } from "./finding.ts";
import type { Account } from "./resolve-template.ts";

export interface SeenVault {
  /** As the owner deploys it, for this stack alone. */
  readonly deployment: Deployment;
  /** Whose it is. */
  readonly account: Account;
}

/** The path under which a stack's roles are: what the owner is given for `stacks`. */
export const pathOfStack = ({ prefix, region }: Deployment, { id, partition }: Account): string =>
  `arn:${partition}:iam::${id}:role/${prefix}/${region}`;

/** `account`: that of the stack. */
export function seeFromOutside(deployment: Deployment, account: Account): SeenVault {
  const { vaultAccount } = deployment;
  if (vaultAccount === undefined) return { deployment, account };
  const region = vaultRegion(deployment.policy);
  const users = { stacks: [pathOfStack(deployment, account)], readers: [] };
  return {
    deployment: { ...deployment, region, vaultAccount: undefined, users },
    account: { ...account, id: vaultAccount, region },
  };
}

/** Whether the account is the one that the policy's keys, or the owner's, say. */
export function judgeAccount(deployment: Deployment, account: Account, namedByKeys: string | undefined): DeploymentFinding[] {
  const { vaultAccount, users } = deployment;
  const about = `account ${account.id}`;
  const problem = (message: string, remedy: string): DeploymentFinding[] => [
    { about, level: "error", subject: "vault", message, remedy },
  ];
  if (vaultAccount === account.id) {
    return problem(
      "owns the vault itself, as the policy's keys say",
      "Deploy with --param=vault=existing here, or with the credentials of the other account.",
    );
  }
  if (users === undefined || vaultAccount !== undefined || namedByKeys === account.id || namedByKeys === undefined) return [];
  return problem(
    `is not the one that the policy's keys are in, ${namedByKeys}`,
    "Deploy the vault with that account's credentials, or correct the ARNs of the policy.",
  );
}

/** What is missing in the owner's account is done there. */
export function remedyThere(finding: DeploymentFinding, owner: string): DeploymentFinding {
  return finding.remedy === undefined ? finding : { ...finding, remedy: `In account ${owner}: ${finding.remedy}` };
}

/** What the owner did not let this stack look at. */
export function unseen(about: string, subject: string, deployment: Deployment, account: Account): DeploymentFinding {
  const remedy = `Deploy serverless.vault.yml there with --param=stacks=${pathOfStack(deployment, account)} (beside those that it has).`;
  return { about, level: "error", subject, message: "may not be looked at by this stack's account", remedy };
}
