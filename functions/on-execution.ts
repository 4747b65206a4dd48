/**
 * Tells of an execution that ended badly, when its own Catch did not: EventBridge calls it with the
 * execution's last status.
 */
import * as z from "zod";
import { alertForExecution, reportOfExecution, sourceOfExecution, wasTold } from "../src/alerts/alert-for-execution.ts";
import { publishAndAnnounce } from "./commons/announce-report.ts";
import { countFailure, executionContext } from "./commons/publish-alert.ts";
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
    const alert = alertForExecution(event, await executionContext(context, source));
    return publishAndAnnounce(context, alert, reportOfExecution(event));
  },
});

export const handler = serve(step);
