/**
 * Where the stack's roles are among the account's, and a permissions boundary for every role of the
 * stack: whatever their rights say, they reach no further. A deployer who may make roles with this
 * boundary alone cannot give itself more.
 */
import { refuse } from "./refusals.ts";
import type { Resource, Resources } from "./template.ts";

/** The ARN of a managed policy, in any partition. */
const policyArn = /^arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy\/[\w+=,.@/-]{1,512}$/;

/** The parameter; undefined: none. Errors: UsageInvalid. */
export function readBoundary(text: string): string | undefined {
  const arn = text.trim();
  if (arn === "") return undefined;
  if (policyArn.test(arn)) return arn;
  throw refuse(
    `the permissions boundary "${text}" is not the ARN of a managed policy`,
    "Give --param=boundary=arn:aws:iam::ACCOUNT:policy/NAME.",
  );
}

/** IAM's characters; with the path of a source's role behind it, 512 at most. */
const rolePaths = /^\/(?:[\w+=,.@-]+\/)*$/;
const maxRolePath = 400;

/**
 * The parameter `rolePath`. What owns a vault of another account knows the roles by their path, and
 * so takes no other. Errors: UsageInvalid.
 */
export function readRolePath(text: string, foreign: boolean): string {
  if (!rolePaths.test(text) || text.length > maxRolePath)
    throw refuse(
      `the parameter rolePath is "${text}"`,
      "Give a path that begins and ends with a slash: --param=rolePath=/backups/.",
    );
  if (foreign && text !== "/")
    throw refuse("the account that owns the vault names the roles by their path", "Give --param=rolePath=/.");
  return text;
}

interface RolePlace {
  readonly boundary: string | undefined;
  readonly rolePath: string;
}

/** The resources, their roles under the deployment's path and boundary. */
export function placeRoles({ boundary, rolePath }: RolePlace, resources: Resources): Resources {
  const bounded = (resource: Resource): Resource => {
    if (resource.Type !== "AWS::IAM::Role") return resource;
    const { Path = rolePath === "/" ? undefined : rolePath, ...own } = resource.Properties ?? {};
    return { ...resource, Properties: { ...own, Path, ...(boundary === undefined ? {} : { PermissionsBoundary: boundary }) } };
  };
  return Object.fromEntries(Object.entries(resources).map(([name, resource]) => [name, bounded(resource)]));
}
