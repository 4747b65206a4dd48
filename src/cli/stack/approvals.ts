/** `holdfast --stack S approve` and `deny`, and restores there that replace something. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { DecisionWord } from "../../vault/documents/approval.ts";
import type { Outcome, Session } from "../session.ts";
import { callFunction } from "./call-function.ts";
import { followStarted } from "./run-machine.ts";

interface AnswerOptions {
  readonly reason: string;
  readonly out?: string | undefined;
  readonly approver?: string | undefined;
}

/** Answers as the AWS identity that runs this: no key of their own signs. */
export const approveOnStack = (session: Session, id: string, options: AnswerOptions): Promise<Outcome> =>
  answer(session, "approved", id, options);
export const denyOnStack = (session: Session, id: string, options: AnswerOptions): Promise<Outcome> =>
  answer(session, "denied", id, options);

async function answer(session: Session, decision: DecisionWord, id: string, options: AnswerOptions): Promise<Outcome> {
  if (options.approver !== undefined || options.out !== undefined) {
    throw new HoldfastError("UsageInvalid", "--approver and --out are for answers signed with a key of one's own", {
      hint: "A stack knows who answers by their AWS identity: leave them out.",
    });
  }
  const answered = await callFunction(session, "answer", { request: id, decision, reason: options.reason.trim() });
  return {
    document: { ...answered, reason: options.reason },
    lines: [`request ${String(answered["id"])} ${decision} as ${String(answered["person"])}`],
  };
}

/** What the machine takes, but for who asks. */
interface AskedRestore {
  readonly source: string;
  readonly backup: string;
  readonly to: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Asks for a restore that replaces something, and follows it to its end: it waits for a second
 * person. Errors: UsageInvalid without a reason, those of callFunction.
 */
export async function askForRestore(session: Session, asked: AskedRestore, reason: string | undefined): Promise<Outcome> {
  if (reason === undefined || reason.trim() === "") {
    throw new HoldfastError(
      "UsageInvalid",
      "a stack replaces something only with the approval of a second person, who wants to know why",
      {
        hint: 'Say why, for the approver and for those who read the trail later: --reason "…".',
      },
    );
  }
  const { terminal, stack } = session;
  const { execution, name } = await callFunction(session, "ask", { ...asked, reason: reason.trim() });
  const arn = String(execution);
  terminal.note(`started ${String(name)}`);
  terminal.note(`  ${arn}`);
  terminal.note("where it would replace something, it waits for a second person, who hears of it by the policy's alert channels;");
  terminal.note(`\`holdfast --stack ${stack} requests\` lists it. Ctrl-C leaves it as it is`);
  return followStarted(session, arn);
}
