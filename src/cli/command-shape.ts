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
