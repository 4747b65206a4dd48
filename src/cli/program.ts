/**
 * The commands, their arguments and their help. Each command's work lives in commands/, loaded when
 * it is called.
 */
import { Argument, Command, Option } from "commander";
import { builtInEngines, type EngineRegistry } from "../engines/engine-registry.ts";
import type { ExitCode } from "../errors/exit-codes.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { EnginePolicies } from "../policy/engine-policy.ts";
import { backupKinds } from "../policy/policy.ts";
import { alerting, warnUnalerted } from "./alerting.ts";
import { addApprovals } from "./approval-commands.ts";
import {
  addApprovalOptions,
  alertHelp,
  backupHelp,
  type CommandTraits,
  example,
  type InSession,
  type Work,
} from "./command-shape.ts";
import { type CompletionShell, completionScript, completionShells } from "./commands/completion.ts";
import type { InitCommandOptions } from "./commands/init.ts";
import { addInitialOptions, initialValuesIn } from "./engine-options.ts";
import { addErasures } from "./erase-commands.ts";
import { defaultPolicyFile, policySourceOf } from "./policy-source.ts";
import { addAudit, addComparisons, addFollow, addReports } from "./reading-commands.ts";
import { addRestores } from "./restore-commands.ts";
import { runSession } from "./session.ts";
import { onStack } from "./stack/on-stack.ts";
import type { Terminal } from "./terminal.ts";
import { addVault } from "./vault-commands.ts";
import { holdfastVersion } from "./version.ts";

const exitCodeHelp = `
Exit codes:
  0    done
  1    the operation failed, or an objective is breached
  2    usage or policy error
  3    not found
  4    integrity failure
  5    refused (lock, hold, retention, approval)
  130  interrupted`;

/** What the program tells its user. */
export interface ProgramEvents {
  /** The exit code of the command that ran. */
  end(exitCode: ExitCode): void;
  /** A piece of help, or the version. */
  help(text: string): void;
}

/** Builds the program, without running it. */
export function buildProgram(terminal: Terminal, { end, help }: ProgramEvents, engines: EngineRegistry = builtInEngines): Command {
  const program = new Command("holdfast")
    .description("Backups that prove they restore.")
    .version(holdfastVersion(), "-V, --version", "print the version")
    .addOption(new Option("--policy <file>", "the policy").env("HOLDFAST_POLICY").default(defaultPolicyFile))
    .option("--stack <name>", "run against a deployed stack, such as holdfast-prod, using its policy and state machines")
    .option("--json", "print exactly one JSON document on stdout")
    .option("--no-color", "print without colours (NO_COLOR does the same)")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show a command's help")
    .addHelpText("after", exitCodeHelp)
    .exitOverride()
    // main.ts prints both: help as the result, and errors in the catalogue's form. Help that nobody
    // asked for comes as an error.
    .configureOutput({ writeOut: help, writeErr: help, outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true });
  program.hook("preAction", () => {
    if (program.opts()["color"] === false) process.env["NO_COLOR"] = "1";
  });

  const inSession =
    <A extends unknown[]>(load: () => Promise<Work<A>>, traits: CommandTraits<A> = {}) =>
    async (...args: A): Promise<void> => {
      const policySource = policySourceOf(program);
      const there = "stack" in policySource ? traits.onStack : undefined;
      const loaded = await (there ?? load)();
      // A stack's machines alert by themselves.
      const work = traits.alertsAs === undefined || there !== undefined ? loaded : alerting(traits.alertsAs, policySource, loaded);
      try {
        end(await runSession(terminal, policySource, (session) => work(session, ...args), engines));
      } catch (error) {
        warnUnalerted(terminal, args, error);
        throw error;
      }
    };

  addSetUp(program, terminal, end, inSession, engines.policies);
  addBackups(program, inSession);
  addRestores(program, terminal, end, inSession, engines.policies);
  addComparisons(program, inSession, engines.policies);
  addRetention(program, inSession);
  addErasures(program, inSession);
  addVault(program, inSession);
  addReports(program, inSession);
  addAudit(program, inSession);
  addApprovals(program, terminal, end, inSession);
  addFollow(program, terminal, end);
  return program;
}

function addSetUp(
  program: Command,
  terminal: Terminal,
  end: (exitCode: ExitCode) => void,
  inSession: InSession,
  engines: EnginePolicies,
): void {
  const init = program.command("init").description("write a commented policy and a key file");
  addInitialOptions(init, engines);
  init
    .option("--source <name>", "the first source's name", "main")
    .option("--vault <address>", "where backups go", "folder:./vault")
    .option("--key <file>", "the key file to create", "~/.config/holdfast/main.key")
    .option("--key-only", "create the key file alone: for a policy that exists, or a key rotation")
    .action(async (options: InitCommandOptions) => {
      const { initialise } = await import("./commands/init.ts");
      if (program.opts()["stack"] !== undefined) throw new HoldfastError("UsageInvalid", "init cannot be combined with --stack");
      const values = initialValuesIn({ ...options }, engines);
      const outcome = await initialise(terminal, { ...options, values, policy: program.opts()["policy"] }, engines);
      terminal.result(outcome.document, outcome.lines);
      end(outcome.exitCode ?? 0);
    });
  example(
    init,
    ...engines.flatMap(({ initial }) => (initial.example === undefined ? [] : [`holdfast ${initial.example}`])),
    "holdfast init --key-only --key ~/.config/holdfast/2027.key",
  );
  const check = program
    .command("check")
    .description("validate the policy, then connections, privileges, tools, keys and vaults")
    .argument("[source]", "only this source")
    .option("--repair", "write a vault's holdfast.json and RESTORE.md anew where they are lost or were changed")
    .action(inSession(async () => (await import("./commands/check.ts")).check));
  example(check, "holdfast check", "holdfast check --repair", "holdfast --policy /etc/holdfast.yml check shop");
  const completion = program
    .command("completion")
    .description("print a completion script for your shell")
    .addArgument(new Argument("<shell>", "your shell").choices(completionShells))
    .action((shell: CompletionShell) => {
      const script = completionScript(program, shell);
      terminal.result({ shell, script }, script.trimEnd().split("\n"));
    });
  example(completion, "holdfast completion bash > /etc/bash_completion.d/holdfast", 'eval "$(holdfast completion zsh)"');
}

function addBackups(program: Command, inSession: InSession): void {
  const backup = program
    .command("backup")
    .description("dump a source into its vault, read the backup back, prune")
    .argument("<source>", "a source of the policy")
    .addOption(new Option("--kind <kind>", "the kind of backup").choices(backupKinds).default("full"))
    .option("--no-verify", "do not read the backup back (it stays `stored`), and do not prune")
    .option("--no-prune", "do not prune afterwards")
    .option("--alert", alertHelp)
    .action(inSession(async () => (await import("./commands/backup.ts")).backup, { alertsAs: "backup", onStack: onStack.backup }));
  example(backup, "holdfast backup shop", "holdfast backup shop --no-prune --json", "holdfast --stack holdfast-prod backup shop");
  const list = program
    .command("list")
    .description("list the backups with their states")
    .argument("[source]", "only this source")
    .option("--last <count>", "only the newest <count> of each source")
    .action(inSession(async () => (await import("./commands/list.ts")).list));
  example(
    list,
    "holdfast list",
    "holdfast list shop --last 10",
    "holdfast --stack holdfast-prod list",
    "holdfast list --json | jq -r '.backups[] | select(.state == \"proven\").id'",
  );
  const show = program
    .command("show")
    .description("show one backup: manifest, artifacts, evidence")
    .argument("<backup>", backupHelp)
    .action(inSession(async () => (await import("./commands/show.ts")).show));
  example(show, "holdfast show shop@latest");
  const verify = program
    .command("verify")
    .description("read backups back and compare them with what was written")
    .argument("[backup]", backupHelp)
    .option("--source <name>", "every backup of this source")
    .option("--all", "every backup of every source")
    .option("--accept <reason>", "accept a suspicious backup: it is as small as it should be, because …")
    .option("--alert", alertHelp);
  addApprovalOptions(verify, { reason: false }).action(
    inSession(async () => (await import("./commands/verify.ts")).verify, { alertsAs: "verify", onStack: onStack.verify }),
  );
  example(
    verify,
    "holdfast verify shop@latest",
    "holdfast verify --all",
    "holdfast --stack holdfast-prod verify --source shop",
    'holdfast verify shop@latest --accept "the archive table was dropped on purpose"',
  );
}

function addRetention(program: Command, inSession: InSession): void {
  const prune = program
    .command("prune")
    .description("delete what retention releases, and say why for each")
    .argument("[source]", "only this source")
    .option("--dry-run", "say what would be deleted, touch nothing")
    .option("--alert", alertHelp)
    .action(inSession(async () => (await import("./commands/prune.ts")).prune, { alertsAs: "prune" }));
  example(prune, "holdfast prune --dry-run", "holdfast prune shop");
  const hold = program.command("hold").description("legal holds: a held backup is never pruned");
  const add = hold
    .command("add")
    .description("hold a backup")
    .argument("<backup>", backupHelp)
    .requiredOption("--reason <text>", "why, for those who find it years later")
    .action(inSession(async () => (await import("./commands/hold.ts")).addHold));
  const remove = hold.command("remove").description("release a hold").argument("<backup>", backupHelp);
  addApprovalOptions(remove)
    .option("--alert", "notify the policy's alert channels when it needs the approval of a second person")
    .action(inSession(async () => (await import("./commands/hold.ts")).removeHold));
  const listing = hold
    .command("list")
    .description("list the holds")
    .argument("[source]", "only this source")
    .action(inSession(async () => (await import("./commands/hold.ts")).listHolds));
  example(add, 'holdfast hold add shop@latest --reason "case 2026-114"');
  example(listing, "holdfast hold list", "holdfast hold list shop");
  example(remove, "holdfast hold remove shop/20261120T020000Z-full-7k3f9a");
  example(hold, 'holdfast hold add shop@latest --reason "case 2026-114"', "holdfast hold list");
}
