/** Tells of what a state machine met: its Catch ends here, and so does news that is no failure. */
import * as z from "zod";
import { alertForReport } from "../src/alerts/alert-for-execution.ts";
import { noteDamageTold, saysDamage } from "../src/pipeline/notify/told-damage.ts";
import { publishAndAnnounce } from "./commons/announce-report.ts";
import { countFailure, executionContext } from "./commons/publish-alert.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";

/** Step Functions' limits on an execution's error and cause. */
const maxError = 256;
const maxCause = 32_768;
/** News of executions that did what they were asked for. */
const ranWell: readonly string[] = ["RestoreStarted", "RestoreDone", "RtoMissed"];

export const step = defineStep({
  name: "notify",
  input: z.strictObject({
    machine: z.string().max(80),
    execution: z.string().max(2_048),
    startedAt: z.iso.datetime({ offset: true }),
    /**
     * As the execution's input has it, whatever that is: what it is not about is told all the same.
     */
    source: z.string().max(100).optional().catch(undefined),
    /** Empty: none is known. */
    backupId: z.string().max(100).default(""),
    state: z.string().max(80),
    error: z.string().max(maxError),
    cause: z.string().max(maxCause),
  }),
  async run(context, { source, backupId, ...report }) {
    if (!ranWell.includes(report.error)) countFailure(source);
    const about = { source, ...(backupId === "" ? {} : { backupId }) };
    const alert = alertForReport({ ...report, ...about }, await executionContext(context, source));
    const sent = await publishAndAnnounce(context, alert, { ...report, ...about });
    // The watch alerts of damage that nobody has alerted of.
    if (source !== undefined && backupId !== "" && saysDamage(report.error))
      await withStateStore(context.run.clock, (store) => noteDamageTold(store, source, [backupId], context.run));
    return sent;
  },
});

export const handler = serve(step);
