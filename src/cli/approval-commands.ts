/** The declarations of commands for two people: who asks, and who approves. */
import type { Command } from "commander";
import type { ExitCode } from "../errors/exit-codes.ts";
import type { DecisionWord } from "../vault/documents/approval.ts";
import { example, type InSession } from "./command-shape.ts";
import type { AnswerOptions } from "./commands/approve.ts";
import { onStack } from "./stack/on-stack.ts";
import type { Terminal } from "./terminal.ts";

type End = (exitCode: ExitCode) => void;

const requestHelp = "the request's name, or the first digits of it";
const tellHelp = "tell the policy's alert channels of the answer";
const defaultKey = "~/.config/holdfast/approver.key";

export function addApprovals(program: Command, terminal: Terminal, end: End, inSession: InSession): void {
  const listing = program
    .command("requests")
    .description("list what waits for the approval of a second person, or show one request")
    .argument("[request]", requestHelp)
    .option("--all", "also those that were denied, used, or are over")
    .option("--out <file>", "write the request to a file, for an approver who does not reach the vault")
    .action(inSession(async () => (await import("./commands/requests.ts")).requests));
  example(listing, "holdfast requests", "holdfast requests 3fa1c0d2", "holdfast requests 3fa1c0d2 --out request.json");
  addAnswer(program, terminal, end, inSession, {
    name: "approve",
    decision: "approved",
    does: "approve a request, as the second person",
  });
  addAnswer(program, terminal, end, inSession, { name: "deny", decision: "denied", does: "deny a request, as the second person" });
  const taking = program
    .command("take-answer")
    .description("record the answer that an approver signed on a machine of their own")
    .argument("<file>", "what `holdfast approve --out` or `holdfast deny --out` wrote there")
    .option("--alert", tellHelp)
    .action(inSession(async () => (await import("./commands/approve.ts")).takeSentAnswer));
  example(taking, "holdfast take-answer answer.json");
  addApproverKey(program, terminal, end);
}

function addAnswer(
  program: Command,
  terminal: Terminal,
  end: End,
  inSession: InSession,
  { name, decision, does }: { readonly name: "approve" | "deny"; readonly decision: DecisionWord; readonly does: string },
): void {
  const recording = inSession(async () => (await import("./commands/approve.ts"))[name], { onStack: onStack[name] });
  const command = program
    .command(name)
    .description(does)
    .argument("<request>", `${requestHelp}; with --out, a file that \`holdfast requests --out\` wrote`)
    .requiredOption("--reason <text>", "why, for those who read the trail later")
    .option("--key <file>", "your own key", defaultKey)
    .option("--out <file>", "only sign, and write the answer to a file: needs neither the policy nor the vault")
    .option("--approver <name>", "with --out: your name in the policy of those who asked")
    .option("--alert", tellHelp)
    .action(async (...args: Parameters<typeof recording>) => {
      const options: AnswerOptions = command.opts();
      const { out } = options;
      if (out === undefined) {
        await recording(...args);
        return;
      }
      const { signAnswer } = await import("./commands/approve.ts");
      const outcome = await signAnswer(terminal, decision, args[0], { ...options, out });
      terminal.result(outcome.document, outcome.lines);
      end(outcome.exitCode ?? 0);
    });
  example(
    command,
    `holdfast ${name} 3fa1c0d2 --reason "seen, and talked about"`,
    `holdfast ${name} request.json --approver ben --reason "seen" --out answer.json`,
  );
}

function addApproverKey(program: Command, terminal: Terminal, end: End): void {
  const making = program
    .command("approver-key")
    .description("make a key of your own to approve with, and print its public half for the policy")
    .option("--key <file>", "the key file to create", defaultKey)
    .action(async (options: { readonly key: string }) => {
      const { makeApproverKey } = await import("./commands/approver-key.ts");
      const outcome = await makeApproverKey(options.key);
      terminal.result(outcome.document, outcome.lines);
      end(outcome.exitCode ?? 0);
    });
  example(making, "holdfast approver-key", "holdfast approver-key --key /media/usb/ben.key");
}
