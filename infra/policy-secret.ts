/**
 * The policy as it travels to functions and containers: one secret, so that deploying again is all
 * it takes to change it everywhere.
 */
import { packPolicy } from "../src/policy/packed-policy.ts";
import type { Deployment } from "./deployment.ts";
import { type Resources, sub } from "./template.ts";

export function policyResources({ prefix, policyText, proving, secretsKeys }: Deployment): Resources {
  return {
    PolicySecret: {
      Type: "AWS::SecretsManager::Secret",
      Properties: {
        Name: `${prefix}/policy`,
        Description: "The deployed holdfast.yml; holds no secret itself",
        // Absent: AWS's own key for secrets.
        KmsKeyId: secretsKeys[0],
        SecretString: packPolicy(policyText, proving.kind),
      },
    },
  };
}

/** For a function's environment. */
export const policyPlace = sub(`secret:\${PolicySecret}`);
