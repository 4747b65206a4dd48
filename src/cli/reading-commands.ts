/** The declarations of commands that look at backups and runs, and change nothing. */
import type { Command } from "commander";
import type { ExitCode } from "../errors/exit-codes.ts";
import type { EnginePolicies } from "../policy/engine-policy.ts";
import { alertHelp, backupHelp, example, type InSession } from "./command-shape.ts";
import { addFindOptions } from "./engine-options.ts";
import type { Terminal } from "./terminal.ts";

export function addComparisons(program: Command, inSession: InSession, engines: EnginePolicies): void {
  const find = program
    .command("find")
    .description("say which backups hold an object, and how it changed between them")
    .argument("<source>", "a source of the policy");
  addFindOptions(find, engines);
  find
    .option("--last <count>", "only the newest <count> backups")
    .action(inSession(async () => (await import("./commands/find.ts")).find));
  example(find, "holdfast find shop --table orders", "holdfast find config --path nginx/nginx.conf --last 30");
  const diff = program
    .command("diff")
    .description("name what changed between two backups: tables, definitions, files")
    .argument("<before>", backupHelp)
    .argument("<after>", backupHelp)
    .action(inSession(async () => (await import("./commands/diff.ts")).diff));
  example(diff, "holdfast diff shop@yesterday shop@latest", "holdfast diff 20261120T020000Z-full 20261121T020000Z-full");
}

export function addReports(program: Command, inSession: InSession): void {
  const status = program
    .command("status")
    .description("compare the objectives with what was measured")
    .argument("[source]", "only this source")
    .option("--alert", alertHelp)
    .action(inSession(async () => (await import("./commands/status.ts")).status, { alertsAs: "status" }));
  example(status, "holdfast status", "holdfast status --json", "holdfast --stack holdfast-prod status");
  const alert = program.command("alert").description("the channels that failures are sent to");
  const drill = alert
    .command("test")
    .description("send every alert channel a message that says it is a drill")
    .argument("[channel]", "only this one, as the policy writes it, or those for a severity")
    .action(inSession(async () => (await import("./commands/alert.ts")).testAlerts));
  for (const command of [alert, drill]) {
    example(command, "holdfast alert test", "holdfast alert test slack:env:SLACK_WEBHOOK", "holdfast alert test critical");
  }
  const report = program
    .command("report")
    .description("write the HTML report")
    .requiredOption("--out <file>", "where to")
    .action(inSession(async () => (await import("./commands/report.ts")).report));
  example(report, "holdfast report --out report.html");
}

export function addAudit(program: Command, inSession: InSession): void {
  const audit = program
    .command("audit")
    .description("print the audit trail, and check that it is whole: who restored, held, released, accepted or exported what")
    .argument("[source]", "only entries about this source")
    .option("--action <action>", "only these: restore, restore.failed, hold, …")
    .option("--by <name>", "only of those whose name holds this")
    .option("--since <time>", "only what was done since: 30d, yesterday, 2026-11-28")
    .option("--last <count>", "only the newest <count> of those")
    .action(inSession(async () => (await import("./commands/audit.ts")).audit));
  example(audit, "holdfast audit", "holdfast audit shop --action restore --since 30d", "holdfast audit --by ada --json");
}

export function addFollow(program: Command, terminal: Terminal, end: (exitCode: ExitCode) => void): void {
  const following = program
    .command("follow")
    .description("follow a running execution of a deployed stack until it finishes")
    .argument("<execution>", "its ARN, as the start, an alert or the console shows it")
    .action(async (arn: string) => {
      end(await (await import("./stack/follow.ts")).follow(terminal, arn, program.opts()["stack"]));
    });
  example(
    following,
    "holdfast follow arn:aws:states:eu-central-1:123456789012:execution:holdfast-prod-backup:backup-shop-full-20261121T020000Z",
  );
}
