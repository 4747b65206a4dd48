/**
 * A plugin of osls that looks at the account: `osls deploy` takes over no vault that is weaker than
 * one of the stack's own. osls reads .js files only.
 */
import { isHoldfastError } from "../src/errors/holdfast-error.ts";
import { findAccount, openClients } from "./adoption/clients.ts";
import { linesOf } from "./adoption/finding.ts";
import { inspectVault, refuseWeakVault } from "./adoption/inspect-vault.ts";
import { readDeployment } from "./deployment.ts";
import { readableError } from "./readable-error.ts";

class AccountChecks {
  constructor(serverless, _options, { log }) {
    this.serverless = serverless;
    this.log = log;
    this.hooks = { "before:deploy:deploy": () => byCatalogue(() => this.adopt()) };
  }

  get deployment() {
    return readDeployment(this.serverless.service.custom.generated.parameters);
  }

  async adopt() {
    const { deployment } = this;
    if (deployment.createsVault) return;
    using clients = openClients(deployment.region);
    const findings = await inspectVault(deployment, await findAccount(clients, deployment.region), clients);
    refuseWeakVault(findings);
    for (const line of linesOf(findings)) this.log.warning(line);
  }
}

/** Ends with the error's text and with the exit code that the catalogue gives it. */
async function byCatalogue(work) {
  try {
    await work();
  } catch (error) {
    if (isHoldfastError(error)) endWith(error.exitCode);
    throw readableError(error);
  }
}

/** osls ends with 1 whatever failed, and sets that after all hooks. */
function endWith(exitCode) {
  process.once("exit", () => {
    process.exitCode = exitCode;
  });
}

// What `require` gives of this file.
export { AccountChecks as "module.exports" };
