/**
 * Takes the answer of a second person, whom AWS has named (ADR 0054), and lets the machine that
 * waits go on. It is the only one that reads task tokens; `record` writes the answer into the
 * trail.
 */
import * as z from "zod";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { maySame } from "../src/pipeline/approvals/identity.ts";
import { requestIdOf } from "../src/vault/documents/approval.ts";
import { findWaiting, writeAnswer } from "./commons/approval-store.ts";
import { identifyFor, proofShape } from "./commons/caller.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";
import { goOn } from "./commons/task-token.ts";

const given = z.strictObject({
  request: z.string().regex(/^[0-9a-f]{4,64}$/, "must be the request's name, or its first digits"),
  decision: z.enum(["approved", "denied"]),
  reason: z.string().trim().min(1).max(2_000),
});

const refuse = (id: string, why: string) => new HoldfastError("ApprovalRefused", `request ${id} ${why}`);

export const step = defineStep({
  name: "answer",
  input: z.strictObject({ answer: given, proof: proofShape }),
  async run(context, { answer, proof }) {
    const { arn: person } = await identifyFor("answer", answer, proof);
    const { clock } = context.run;
    return withStateStore(clock, async (store) => {
      const { sha256, waiting } = await findWaiting(store, answer.request);
      const { request, taskToken } = waiting;
      const id = requestIdOf(sha256);
      if (maySame(person, request.person)) throw refuse(id, `cannot be answered by ${person}: ${request.person} asked for it`);
      const at = clock.now().toISOString();
      const { decision, reason } = answer;
      const isOver = at >= request.expiresAt;
      if (isOver) throw new HoldfastError("ApprovalExpired", `request ${id} expired at ${request.expiresAt}`);
      const stands = await writeAnswer(store, { requestSha256: sha256, decision, person, reason, at });
      const isWaiting = await goOn(taskToken, { answered: sha256 });
      if (stands.at !== at)
        throw refuse(id, `was ${stands.decision} by ${stands.person} at ${stands.at} already: ${stands.reason}`);
      if (!isWaiting) throw new HoldfastError("ApprovalExpired", `request ${id}: nobody waits for its answer any longer`);
      return { id, decision, person, source: request.source };
    });
  },
});

export const handler = serve(step);
