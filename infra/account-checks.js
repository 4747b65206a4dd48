/**
 * A plugin of osls that looks at the account: `osls deploy` takes over no vault that is weaker than
 * one of the stack's own, and `osls preflight` says what would stop a deployment. osls reads .js
 * files only.
 */
import { exitCodes } from "../src/errors/exit-codes.ts";
import { isHoldfastError } from "../src/errors/holdfast-error.ts";
import { findAccount, openClients } from "./adoption/clients.ts";
import { linesOf } from "./adoption/finding.ts";
import { inspectVault, refuseWeakVault } from "./adoption/inspect-vault.ts";
import { judgeAccount } from "./adoption/seen-from-outside.ts";
import { readDeployment } from "./deployment.ts";
import { readVaultAccount, vaultRegion } from "./foreign-vault.ts";
import { readableError } from "./readable-error.ts";
import { readOwner } from "./vault-owner/owner.ts";

class AccountChecks {
  constructor(serverless, _options, { log, writeText }) {
    this.serverless = serverless;
    this.log = log;
    this.writeText = writeText;
    this.commands = {
      preflight: {
        usage: "Look at the account before a deployment: quotas, names, keys, secrets, image and network",
        lifecycleEvents: ["look"],
      },
    };
    this.hooks = {
      // Before it packages, which takes minutes.
      initialize: () => byCatalogue(() => this.adopt()),
      "preflight:look": () => byCatalogue(() => this.look()),
    };
  }

  get deployment() {
    const { parameters } = this.serverless.service.custom.generated;
    return parameters.stacks === undefined ? readDeployment(parameters) : readOwner(parameters);
  }

  async adopt() {
    if (this.serverless.processedInput.commands.join(" ") !== "deploy") return;
    const { deployment } = this;
    if (deployment.createsVault && deployment.users === undefined) return;
    using clients = openClients(deployment.vaultAccount === undefined ? deployment.region : vaultRegion(deployment.policy));
    const account = await findAccount(clients, deployment.region);
    if (deployment.users !== undefined) refuseWeakVault(judgeAccount(deployment, account, readVaultAccount(deployment.policy)));
    if (deployment.createsVault) return;
    const findings = await inspectVault(deployment, account, clients);
    refuseWeakVault(findings);
    for (const line of linesOf(findings)) this.log.warning(line);
  }

  async look() {
    const { deployment } = this;
    // Loaded when it is asked for: clients of ten services, for every command of osls.
    const { openPreflight } = await import("./preflight/clients.ts");
    const { describeFindings, inspectAccount } = await import("./preflight/preflight.ts");
    using clients = openPreflight(deployment.region);
    const { Resources = {} } = this.serverless.service.resources ?? {};
    const account = await findAccount(clients, deployment.region);
    const findings = await inspectAccount(deployment, account, clients, Resources);
    this.writeText(describeFindings(findings));
    if (findings.some(({ level }) => level === "error")) endWith(exitCodes.failed);
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
