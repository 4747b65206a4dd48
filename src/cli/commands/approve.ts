/** `holdfast approve`, `deny` and `take-answer`: the word of a second person. */
import { writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { type ApproverKey, answerRequest, requireReason, takeAnswer } from "../../pipeline/approvals/answer-request.ts";
import { describeSubject } from "../../pipeline/approvals/describe-request.ts";
import { requestDocument } from "../../pipeline/approvals/request-document.ts";
import { systemClock } from "../../runtime/clock.ts";
import { fileSigner, publicKeyOf } from "../../sealing/file-signer.ts";
import { readKeyFile } from "../../sealing/key-file.ts";
import { type DecisionWord, requestIdOf, requestSha256, signDecision } from "../../vault/documents/approval.ts";
import type { RequestStatus } from "../../vault/request-states.ts";
import type { Outcome, Session } from "../session.ts";
import { tellOutcome } from "../tell-outcome.ts";
import type { Terminal } from "../terminal.ts";
import { approverKeyPath } from "./approver-key.ts";
import { describeRequest } from "./requests.ts";
import { readSentAnswer, readSentRequest, sentAnswer } from "./sent-files.ts";

export interface AnswerOptions {
  readonly reason: string;
  readonly key: string;
  readonly alert?: boolean | undefined;
  /** With `out`: the approver's name in the policy, which is not read then. */
  readonly approver?: string | undefined;
  readonly out?: string | undefined;
}

export const approve = (session: Session, id: string, options: AnswerOptions): Promise<Outcome> =>
  answer(session, "approved", id, options);
export const deny = (session: Session, id: string, options: AnswerOptions): Promise<Outcome> =>
  answer(session, "denied", id, options);

async function answer(session: Session, decision: DecisionWord, id: string, options: AnswerOptions): Promise<Outcome> {
  const key = await readApproverKey(options.key);
  const status = await answerRequest(session.context, id, { decision, reason: options.reason, key });
  return answered(session, status, options);
}

/** Records what an approver signed on a machine of their own. */
export async function takeSentAnswer(session: Session, path: string, options: Pick<AnswerOptions, "alert">): Promise<Outcome> {
  return answered(session, await takeAnswer(session.context, await readSentAnswer(path)), options);
}

async function answered(session: Session, status: RequestStatus, { alert }: Pick<AnswerOptions, "alert">): Promise<Outcome> {
  const { request, decision } = status;
  if (alert === true && decision !== undefined) {
    await tellOutcome(session, request.source, {
      name: decision.decision === "approved" ? "approval given" : "approval denied",
      backupIds: request.backupId === undefined ? [] : [request.backupId],
      findings: [
        `${decision.approver} ${decision.decision} request ${status.id} of ${request.by}: ${decision.reason}`,
        ...describeSubject(request),
        ...request.loses,
      ],
    });
  }
  return { document: requestDocument(status), lines: describeRequest(session.terminal, status) };
}

/**
 * Signs an answer to a request that was sent as a file: needs neither the policy nor the vault.
 * Errors: UsageInvalid, KeyFileInvalid.
 */
export async function signAnswer(
  terminal: Terminal,
  decision: DecisionWord,
  path: string,
  options: AnswerOptions & { readonly out: string },
): Promise<Outcome> {
  if (options.approver === undefined) {
    throw new HoldfastError("UsageInvalid", "--out needs --approver: your name in the policy of those who asked");
  }
  const { vaultId, request } = await readSentRequest(path);
  const { signer } = await readApproverKey(options.key);
  const sha256 = requestSha256(request);
  const { username } = userInfo();
  const signed = await signDecision(
    {
      vaultId,
      requestSha256: sha256,
      decision,
      approver: options.approver,
      by: `${username}@${hostname()}:${process.pid}`,
      person: `${username}@${hostname()}`,
      reason: requireReason(options.reason),
      at: systemClock.now().toISOString(),
    },
    signer,
  );
  await writeFile(options.out, sentAnswer(signed), { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
    throw new HoldfastError("UsageInvalid", `the answer cannot be written to ${options.out}: ${(error as Error).message}`, {
      cause: error,
    });
  });
  const status: RequestStatus = { id: requestIdOf(sha256), sha256, number: 0, request, state: "waiting", ignored: [] };
  return {
    document: { id: status.id, sha256, decision, out: options.out },
    lines: [
      ...describeRequest(terminal, status),
      `wrote ${options.out}: ${decision}; send it back, and have it recorded with \`holdfast take-answer\``,
    ],
  };
}

async function readApproverKey(given: string): Promise<ApproverKey> {
  try {
    const { key } = await readKeyFile(approverKeyPath(given));
    return { signer: fileSigner(key), publicKey: publicKeyOf(key) };
  } catch (error) {
    if (!isHoldfastError(error, "KeyFileInvalid")) throw error;
    // The catalogue's own hint is about the key of a vault.
    const hint =
      "Name your own key with --key; make one with `holdfast approver-key`, and have its public half put into the policy.";
    throw new HoldfastError("KeyFileInvalid", error.message, { cause: error, hint });
  }
}
