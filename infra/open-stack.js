/**
 * A plugin of osls: with `protection=off`, the stack's policy is opened before the update that
 * needs it. osls sends a policy with the update; the one before it may still judge that update.
 * osls reads .js files only.
 */
import { CloudFormationClient, SetStackPolicyCommand } from "@aws-sdk/client-cloudformation";
import { readDeployment } from "./deployment.ts";
import { stackPolicy } from "./stack-protection.ts";
import { readOwner } from "./vault-owner/owner.ts";

class OpenStack {
  constructor(serverless) {
    this.hooks = {
      "before:aws:deploy:deploy:updateStack": () => open(readStack(serverless.service.custom.generated.parameters)),
    };
  }
}

const readStack = (parameters) => (parameters.stacks === undefined ? readDeployment(parameters) : readOwner(parameters));

/**
 * Lets the coming update replace and drop everything. A stack that is not there yet has no policy.
 */
async function open({ local, protects, prefix, region }) {
  if (local || protects) return;
  const client = new CloudFormationClient({ region, maxAttempts: 5 });
  try {
    const StackPolicyBody = JSON.stringify({ Statement: stackPolicy(false) });
    await client.send(new SetStackPolicyCommand({ StackName: prefix, StackPolicyBody }));
  } catch (error) {
    if (!/does not exist/.test(error.message)) throw error;
  } finally {
    client.destroy();
  }
}

// What `require` gives of this file.
export { OpenStack as "module.exports" };
