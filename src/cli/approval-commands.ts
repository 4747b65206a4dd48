/** The declarations of commands for two people: who asks, and who approves. */
import type { Command } from "commander";
import type { ExitCode } from "../errors/exit-codes.ts";
import { example } from "./command-shape.ts";
import type { Terminal } from "./terminal.ts";

export function addApprovals(program: Command, terminal: Terminal, end: (exitCode: ExitCode) => void): void {
  addApproverKey(program, terminal, end);
}

function addApproverKey(program: Command, terminal: Terminal, end: (exitCode: ExitCode) => void): void {
  const making = program
    .command("approver-key")
    .description("make a key of your own to approve with, and print its public half for the policy")
    .option("--key <file>", "the key file to create", "~/.config/holdfast/approver.key")
    .action(async (options: { readonly key: string }) => {
      const { makeApproverKey } = await import("./commands/approver-key.ts");
      const outcome = await makeApproverKey(options.key);
      terminal.result(outcome.document, outcome.lines);
      end(outcome.exitCode ?? 0);
    });
  example(making, "holdfast approver-key", "holdfast approver-key --key /media/usb/ben.key");
}
