/** What the commands' declarations share. */
import type { Command } from "commander";
import type { Outcome, Session } from "./session.ts";

export const backupHelp =
  "an id, a unique prefix of one, <source>@latest, @latest-proven, @<time> or @before:<time>: 14:32, yesterday, 2h, 2026-11-28";

export const alertHelp = "notify the policy's alert channels when it fails or finds something bad (for cron)";

export type Work<A extends unknown[]> = (session: Session, ...args: A) => Promise<Outcome>;

export interface CommandTraits<A extends unknown[]> {
  /** The command has --alert, and this is what its alerts call it. */
  readonly alertsAs?: string | undefined;
  /**
   * What it does instead with --stack: where it is absent, the command works as ever, with the
   * stack's policy.
   */
  readonly onStack?: (() => Promise<Work<A>>) | undefined;
}

export type InSession = <A extends unknown[]>(
  load: () => Promise<Work<A>>,
  traits?: CommandTraits<A>,
) => (...args: A) => Promise<void>;

/** Adds commands as a person would type them to a command's help. */
export function example(command: Command, ...lines: string[]): void {
  command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`);
}

/** What every command has that may need an approval. */
export interface ApprovalOptions {
  readonly reason?: string | undefined;
  readonly request?: string | undefined;
  readonly wait?: boolean | undefined;
  readonly alert?: boolean | undefined;
}

export function addApprovalOptions(command: Command, { reason = true }: { readonly reason?: boolean } = {}): Command {
  if (reason) command.option("--reason <text>", "why, where the policy wants a second person to approve it");
  return command
    .option("--request <id>", "the request that was approved; without it, the newest about exactly this")
    .option("--wait", "wait for the answer, and go on once it is approved");
}
