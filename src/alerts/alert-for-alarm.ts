/**
 * The alert of a CloudWatch alarm, which comes through the same topics in CloudWatch's own words.
 */
import * as z from "zod";
import { errorDocument } from "../errors/error-document.ts";
import type { Severity } from "../policy/policy.ts";
import { type Alert, type AlertContext, finishAlert, nothingToDo } from "./alert.ts";

/** Amazon CloudWatch user guide, "Notifying users on alarm changes". */
const alarmSchema = z.looseObject({
  AlarmName: z.string(),
  AlarmDescription: z.string().nullish(),
  NewStateValue: z.enum(["ALARM", "OK", "INSUFFICIENT_DATA"]),
  NewStateReason: z.string(),
  StateChangeTime: z.string(),
  Trigger: z.looseObject({ Dimensions: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish() }).nullish(),
});

/**
 * The alert in an alarm's message: a problem, or, when the alarm is over, a recovery. `severity`:
 * that of the topic that it came through, for an alarm has none of its own. Undefined when `text`
 * is no alarm.
 */
export function alertForAlarm(text: string, severity: Severity, context: AlertContext): Alert | undefined {
  const parsed = alarmSchema.safeParse(readJson(text));
  if (!parsed.success) return undefined;
  const { AlarmName: name, AlarmDescription: description, NewStateValue: state, NewStateReason: reason } = parsed.data;
  const source = parsed.data.Trigger?.Dimensions?.find((dimension) => dimension.name === "source")?.value;
  const isOver = state === "OK";
  return finishAlert(
    {
      kind: isOver ? "recovery" : "problem",
      severity: isOver ? "info" : severity,
      ...(isOver ? { recoversFrom: severity } : {}),
      source,
      what: isOver ? `well again: alarm ${name}` : `alarm ${name}`,
      why: errorDocument({
        name: "alarm",
        message: isOver || description == null ? reason : description,
        details: isOver ? [] : [reason],
        hint: isOver ? nothingToDo : "Do what the alarm's description says; it is the second line behind the alerts.",
      }),
      since: readTime(parsed.data.StateChangeTime, context.now),
      at: context.now.toISOString(),
      nextCommand: `${context.invocation ?? "holdfast"} status${source === undefined ? "" : ` ${source}`}`,
      dedupeKey: `alarm/${name}`,
      runbook: "docs/alerts.md#something-did-not-run",
    },
    context,
  );
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // what is no JSON is no alarm; parseAlert says so
  }
}

function readTime(text: string, now: Date): string {
  const time = new Date(text);
  return (Number.isNaN(time.getTime()) ? now : time).toISOString();
}
