/**
 * What `check` says of a deployed stack itself: whether code that comes with a backup has a way
 * out.
 */
import type { Finding } from "../../engines/finding.ts";
import { provingOf } from "../../policy/packed-policy.ts";
import type { Proving } from "../../policy/proving-mark.ts";
import { readAwsSecret } from "../../runtime/aws-secret.ts";

const subject = "network of restore tests";
const remedy = "Deploy again with --param=proving=isolated: docs/network.md says what it costs.";

/** The finding. Errors: SecretUnavailable, PolicyInvalid. `secret`: that of the deployed policy. */
export async function checkStack(secret: string): Promise<Finding> {
  return judgeProving(provingOf(await readAwsSecret(secret)));
}

/**
 * Open, or unknown, is a warning: the stack works, and a backup's code can send away what its
 * source holds.
 */
export function judgeProving(proving: Proving | undefined): Finding {
  if (proving === "isolated") return { level: "ok", subject, message: "no way out; AWS services through endpoints of the stack" };
  if (proving === "given")
    return {
      level: "ok",
      subject,
      message: "the subnets that the deployment names; nothing here tells whether they have a way out",
    };
  if (proving === "open")
    return { level: "warning", subject, message: "open: code in a backup can send data to the Internet", remedy };
  return { level: "warning", subject, message: "unknown: the stack was deployed by another version of Holdfast", remedy };
}
