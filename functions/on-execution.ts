/**
 * Tells of an execution that ended badly, when its own Catch did not: EventBridge calls it with the
 * execution's last status.
 */
import * as z from "zod";
import { alertForExecution, sourceOfExecution, wasTold } from "../src/alerts/alert-for-execution.ts";
import { countFailure, executionContext, publishAlert } from "./commons/publish-alert.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "on-execution",
  // EventBridge's own form; alertForExecution reads what it needs, and takes what it cannot read
  // for an alert.
  input: z.looseObject({}),
  async run(context, event) {
    if (wasTold(event)) return { sent: 0 };
    const source = sourceOfExecution(event, context.policy.sources);
    countFailure(source);
    return publishAlert(context, alertForExecution(event, await executionContext(context, source)));
  },
});

export const handler = serve(step);
