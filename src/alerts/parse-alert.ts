/**
 * Reads an alert that travelled as JSON: from a state machine to the step that sends it, and
 * through SNS to the function that posts it.
 */
import * as z from "zod";
import { errorDocumentSchema } from "../errors/error-schema.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Alert } from "./alert.ts";

const severity = z.enum(["critical", "warning", "info"]);

const alertSchema = z.strictObject({
  kind: z.enum(["problem", "recovery", "test"]),
  severity,
  recoversFrom: severity.exactOptional(),
  source: z.string().exactOptional(),
  what: z.string(),
  why: errorDocumentSchema,
  since: z.iso.datetime(),
  at: z.iso.datetime(),
  run: z.string().exactOptional(),
  newestGood: z
    .strictObject({ id: z.string(), state: z.enum(["verified", "proven"]), ageSeconds: z.number() })
    .nullable()
    .exactOptional(),
  nextCommand: z.string(),
  dedupeKey: z.string(),
  runbook: z.string(),
});

/**
 * The alert in `text`, as renderSnsMessage and JSON.stringify write it. Errors: UsageInvalid, which
 * names the fields and not their contents.
 */
export function parseAlert(text: string): Alert {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text.
    throw new HoldfastError("UsageInvalid", "what should be an alert is not JSON");
  }
  const parsed = alertSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map(({ path }) => path.join(".") || "its fields"))];
  throw new HoldfastError("UsageInvalid", `what should be an alert is none: ${fields.join(", ")}`);
}
