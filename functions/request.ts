/**
 * Tells people that a restore waits for an approver, and keeps the task token of the machine that
 * waits where `answer` alone reads it. The token is in no message, log or result.
 */
import * as z from "zod";
import { alertForOutcome } from "../src/alerts/alert-for-outcome.ts";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { describeWaiting } from "../src/pipeline/approvals/describe-waiting.ts";
import type { ApprovalRequest } from "../src/vault/documents/approval.ts";
import { requestIdOf, requestSha256, requestShape } from "../src/vault/documents/approval.ts";
import { writeWaiting } from "./commons/approval-store.ts";
import { requireVariable } from "./commons/environment.ts";
import { execution } from "./commons/inputs.ts";
import { alertContext, publishAlert } from "./commons/publish-alert.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "request",
  /** `request`: as it is in the audit trail. */
  input: z.strictObject({ execution, request: z.record(z.string(), z.unknown()), taskToken: z.string().min(1).max(2_048) }),
  async run(context, { execution: run, request, taskToken }) {
    const problem = requestShape(request, "request");
    if (problem !== undefined) throw new HoldfastError("UsageInvalid", `this is not a request: ${problem}`);
    const asked = request as ApprovalRequest;
    const sha256 = requestSha256(asked);
    await withStateStore(context.run.clock, (store) => writeWaiting(store, sha256, { execution: run, taskToken, request: asked }));
    const about = await alertContext(context, asked.source, run);
    const command = `holdfast --stack ${requireVariable("HOLDFAST_DEPLOYMENT")}`;
    return publishAlert(context, alertForOutcome(describeWaiting(asked, requestIdOf(sha256), command), about));
  },
});

export const handler = serve(step);
