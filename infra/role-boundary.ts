/**
 * A permissions boundary for every role of the stack: whatever their rights say, they reach no
 * further. A deployer who may make roles with this boundary alone cannot give itself more.
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

/** The resources, their roles under the deployment's boundary. */
export function underBoundary({ boundary }: { readonly boundary?: string | undefined }, resources: Resources): Resources {
  if (boundary === undefined) return resources;
  const bounded = (resource: Resource): Resource =>
    resource.Type === "AWS::IAM::Role"
      ? { ...resource, Properties: { ...resource.Properties, PermissionsBoundary: boundary } }
      : resource;
  return Object.fromEntries(Object.entries(resources).map(([name, resource]) => [name, bounded(resource)]));
}
