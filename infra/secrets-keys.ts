/** The keys of the account's own that encrypt secrets, as a parameter names them. */
import { refuse } from "./refusals.ts";

const keyArn = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]+$/;

/**
 * The parameter `secretsKeys`: ARNs of keys, comma-separated. The first encrypts the policy's own
 * secret, and roles may open with all of them. Errors: UsageInvalid.
 */
export function readSecretsKeys(text: string, region: string): readonly string[] {
  const keys = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const wrong = keys.find((key) => keyArn.exec(key)?.[1] !== region);
  if (wrong === undefined) return keys;
  throw refuse(
    `the secrets' key "${wrong}" is not the ARN of a key in ${region}`,
    `Give --param=secretsKeys=arn:aws:kms:${region}:ACCOUNT:key/ID, several with commas between them; \`aws kms describe-key\` shows it.`,
  );
}
