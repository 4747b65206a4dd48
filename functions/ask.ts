/**
 * Starts a restore that replaces something, in the name of a person whom AWS has named: an
 * execution's input could claim anyone (ADR 0054). `record` asks an approver for it.
 */
import * as z from "zod";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { stackTargetPattern, stackTargetProblem } from "../src/policy/stack-target.ts";
import { inputSha256, writeAsked } from "./commons/approval-store.ts";
import { identifyFor, proofShape } from "./commons/caller.ts";
import { requireVariable } from "./commons/environment.ts";
import { backupId, source } from "./commons/inputs.ts";
import { optionsShape } from "./commons/restore-options.ts";
import { startRestore } from "./commons/start-restore.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";

const asked = z.strictObject({
  source,
  backup: backupId,
  to: z.string().regex(stackTargetPattern, stackTargetProblem),
  options: optionsShape,
  reason: z.string().min(1).max(2_000),
  /** How long the request waits, in seconds; default and at most: as long as the policy says. */
  expiresSeconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .optional(),
});

export const step = defineStep({
  name: "ask",
  /** `input`: as the machine takes it, in the caller's own words, which the proof is bound to. */
  input: z.strictObject({ input: z.record(z.string(), z.unknown()), proof: proofShape }),
  async run(context, request) {
    const checked = asked.safeParse(request.input);
    if (!checked.success) throw new HoldfastError("UsageInvalid", `this cannot be asked for: ${z.prettifyError(checked.error)}`);
    const { arn: person } = await identifyFor("ask", request.input, request.proof);
    const { clock } = context.run;
    const input = { ...request.input, requestedBy: person };
    return startRestore(requireVariable("HOLDFAST_RESTORE_MACHINE"), input, clock.now(), (execution) =>
      withStateStore(clock, (store) =>
        writeAsked(store, {
          execution,
          person,
          reason: checked.data.reason,
          at: clock.now().toISOString(),
          inputSha256: inputSha256(input),
        }),
      ),
    );
  },
});

export const handler = serve(step);
