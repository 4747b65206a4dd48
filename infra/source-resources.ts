/** Where the stack has what it makes for its sources: names and paths that several parts know. */
import type { OwnWork } from "../functions/commons/source-names.ts";
import type { Deployment } from "./deployment.ts";
import { sub } from "./template.ts";

/** The log of all functions that belong to a source, by name: osls takes no reference here. */
export const sourcesLog = ({ prefix }: Deployment): string => `/holdfast/${prefix}/sources`;

/**
 * The path of the roles of one work, as text for `Fn::Sub`. Another account that owns the vault
 * says by it what each may do there (vault-owner/).
 */
export const pathOfRoles = ({ rolePath, prefix }: Deployment, work: string): string =>
  `${rolePath}${prefix}/\${AWS::Region}/${work}/`;

/** Under which the roles of all sources are, as text for `Fn::Sub`. */
const rolesOfSources = ({ rolePath, prefix }: Deployment): string =>
  `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role${rolePath}${prefix}/\${AWS::Region}`;

/** What the ARNs of the roles of all sources begin with. */
export const rolesOfStage = (deployment: Deployment) => sub(`${rolesOfSources(deployment)}/`);

/** The roles of one work of all sources, which the machines that start its containers hand on. */
export const rolesOfWork = (deployment: Deployment, work: OwnWork) => sub(`${rolesOfSources(deployment)}/${work}/*`);

/**
 * How `plan` and `due` learn the names of what sources have (functions/commons/source-names.ts).
 */
export function namesEnvironment(deployment: Deployment): Readonly<Record<string, unknown>> {
  return { HOLDFAST_RESOURCE_PREFIX: deployment.prefix, HOLDFAST_SOURCE_ROLES: sub(rolesOfSources(deployment)) };
}
