/** Where a command's policy comes from, and how the same command is called again. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { HoldfastError } from "../errors/holdfast-error.ts";

/** Without --policy and HOLDFAST_POLICY, in the current directory. */
export const defaultPolicyFile = "holdfast.yml";

export type PolicySource = { readonly file: string } | { readonly stack: string };

/** How a person calls Holdfast on this policy from wherever they are. */
export function invocationOn(policySource: PolicySource): string {
  if ("stack" in policySource) return `holdfast --stack ${policySource.stack}`;
  const path = resolve(policySource.file);
  const plain = /^[A-Za-z0-9_./@:+-]+$/.test(path);
  return `holdfast --policy ${plain ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

/**
 * What the program's options say. Errors: UsageInvalid, when both are given on the command line;
 * over HOLDFAST_POLICY, --stack wins.
 */
export function policySourceOf(program: Command): PolicySource {
  const { policy, stack } = program.opts();
  if (stack === undefined) return { file: policy };
  if (program.getOptionValueSource("policy") !== "cli") return { stack };
  throw new HoldfastError(
    "UsageInvalid",
    "--policy and --stack exclude each other: a stack has the policy that it was deployed with",
    {
      hint: "Leave one of them out.",
    },
  );
}
