/**
 * Adds one entry to a source's erasure ledger: the application calls it when it erases somebody.
 * Its role adds to ledgers and does nothing else; it cannot open an entry, its own included.
 */
import * as z from "zod";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { readRequest } from "../src/pipeline/erasures/read-requests.ts";
import { recordErasures } from "../src/pipeline/erasures/record-erasures.ts";
import { source } from "./commons/inputs.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "erase-add",
  // What an erasure is made of is read by one reader, the command line's: its words repeat no
  // value.
  input: z.strictObject({
    source,
    /** The caller's own: a call that is repeated is recorded once. */
    id: z.string().min(1).max(100),
    reason: z.unknown(),
    reference: z.unknown().optional(),
    at: z.unknown().optional(),
    table: z.unknown().optional(),
    key: z.unknown().optional(),
    set: z.unknown().optional(),
    path: z.unknown().optional(),
    targets: z.unknown().optional(),
  }),
  async run(context, { source: name, ...written }) {
    const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
    const request = readRequest(given);
    if ("problem" in request) {
      throw new HoldfastError("UsageInvalid", `this is not an erasure: ${request.problem}`, {
        hint: "Write it like events/functions/erase-add.json.",
      });
    }
    const [recorded] = await recordErasures(context, name, [request], { audited: false });
    return { source: name, ...recorded };
  },
});

export const handler = serve(step);
