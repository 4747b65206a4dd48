/**
 * What an alert says. It travels as JSON: between steps, through SNS, and into every channel's own
 * form.
 */
import { errorDocument } from "../errors/error-document.ts";
import type { ErrorDocument } from "../errors/error-schema.ts";
import type { Severity, Tier } from "../policy/policy.ts";
import { redact, type Secret } from "../runtime/secret.ts";
import { cutText, oneLine } from "./cut-text.ts";
import { redactSecretForms } from "./redact-secret-forms.ts";

/** The newest backup that may be relied on: verified or proven, and not suspicious. */
export interface GoodBackup {
  readonly id: string;
  readonly state: "verified" | "proven";
  /** Seconds from its start to the alert. */
  readonly ageSeconds: number;
}

export interface Alert {
  readonly kind: "problem" | "recovery" | "test";
  readonly severity: Severity;
  /**
   * Of a recovery: the severity of what it ends, so that those who were alarmed hear of the end.
   */
  readonly recoversFrom?: Severity | undefined;
  /** The source of the policy that it is about; absent: the whole installation. */
  readonly source?: string | undefined;
  /** What happened, a lowercase fact: `backup of shop failed`. */
  readonly what: string;
  /**
   * Its class is the error's, or what a check found: `SourceUnreachable`, `damaged`; its hint says
   * what to do.
   */
  readonly why: ErrorDocument;
  /** ISO 8601: when the problem began, as far as is known. */
  readonly since: string;
  /** ISO 8601: when the alert was made. */
  readonly at: string;
  /** The run or the ARN of the execution that met it. */
  readonly run?: string | undefined;
  /** Null: there is none. Absent: nobody could find out. */
  readonly newestGood?: GoodBackup | null | undefined;
  /** What to type next. */
  readonly nextCommand: string;
  /** Equal for every alert of one cause, and for the recovery that ends it. */
  readonly dedupeKey: string;
  /**
   * A page of this repository with the anchor of the procedure:
   * `docs/alerts.md#a-backup-is-damaged`.
   */
  readonly runbook: string;
}

/** What the maker of an alert knows besides the problem itself. */
export interface AlertContext {
  readonly now: Date;
  /** When the problem began; absent: now. */
  readonly since?: Date | undefined;
  readonly source?: string | undefined;
  /**
   * The source's tier; absent: judged as critical, for what is not known must not be played down.
   */
  readonly tier?: Tier | undefined;
  readonly run?: string | undefined;
  readonly newestGood?: GoodBackup | null | undefined;
  /** How Holdfast is called there: `holdfast --policy /etc/holdfast.yml`; absent: `holdfast`. */
  readonly invocation?: string | undefined;
  /** Values that must not appear in it, beside everything that looks like a secret. */
  readonly secrets?: readonly Secret[] | undefined;
  /** Names of the policy: they stay, also where a secret is the same word. */
  readonly publicNames?: readonly string[] | undefined;
}

/** The hint of an alert that is no problem. */
export const nothingToDo = "Nothing needs to be done.";

/** Words of ours that an alert is written with, whatever somebody chose for a password. */
const ownWords = ["holdfast", "backup", "verify", "restore", "restore-test", "prune", "status", "check", "watch"];

/**
 * Bounds that keep an alert readable on a telephone, and every rendering of it far below SNS's 256
 * KiB.
 */
const most = { what: 200, message: 1_500, detail: 300, details: 12, text: 500 } as const;

/**
 * The alert as it may leave the house: bounded, on single lines, without control characters, and
 * without secrets, both the given ones and whatever looks like one. Names of the policy are no
 * secrets.
 */
export function finishAlert(
  alert: Alert,
  { secrets = [], publicNames = [] }: Pick<AlertContext, "secrets" | "publicNames"> = {},
): Alert {
  const names = [...ownWords, ...publicNames, ...(alert.source === undefined ? [] : [alert.source])];
  // Whole addresses first: within them, nothing is a name.
  const withoutSecrets = (text: string): string => redact(redactSecretForms(text), secrets, names);
  const clean = (text: string, limit: number): string => cutText(oneLine(withoutSecrets(text)), limit);
  const { details } = alert.why;
  const further = details.length - most.details;
  // Together, because a private key spreads over many lines.
  const shown = withoutSecrets(details.slice(0, most.details).join("\n"))
    .split("\n")
    .filter((line) => oneLine(line) !== "")
    .slice(0, most.details);
  return {
    ...alert,
    source: alert.source && clean(alert.source, most.what),
    what: clean(alert.what, most.what),
    why: {
      ...alert.why,
      class: clean(alert.why.class, most.what),
      message: clean(alert.why.message, most.message),
      hint: clean(alert.why.hint, most.text),
      details: [...shown.map((detail) => clean(detail, most.detail)), ...(further > 0 ? [`and ${further} more`] : [])],
    },
    run: alert.run && clean(alert.run, most.text),
    nextCommand: clean(alert.nextCommand, most.text),
    dedupeKey: clean(alert.dedupeKey, most.text),
  };
}

/**
 * Says that what `alert` reported is over. It goes to those who got it (see route.ts), under the
 * same `dedupeKey`.
 * `context` holds what is known now; its tier does not count.
 */
export function recoveryNotice(alert: Alert, context: AlertContext): Alert {
  const { run: _run, newestGood: _newestGood, ...rest } = alert;
  return finishAlert(
    {
      ...rest,
      kind: "recovery",
      severity: "info",
      recoversFrom: alert.severity,
      what: `well again: ${alert.what}`,
      why: { ...alert.why, message: "the same operation has succeeded since", hint: nothingToDo, details: [] },
      at: context.now.toISOString(),
      run: context.run,
      newestGood: context.newestGood,
      nextCommand: `${context.invocation ?? "holdfast"} status${alert.source === undefined ? "" : ` ${alert.source}`}`,
    },
    context,
  );
}

/** A drill of the path that alerts take; nothing is wrong. */
export function testAlert(severity: Severity, context: AlertContext): Alert {
  const at = context.now.toISOString();
  return finishAlert(
    {
      kind: "test",
      severity,
      what: `this is a drill of the alerts for ${severity}`,
      why: errorDocument({
        name: "drill",
        message: "somebody ran `holdfast alert test`; nothing is wrong",
        hint: nothingToDo,
      }),
      since: at,
      at,
      run: context.run,
      nextCommand: `${context.invocation ?? "holdfast"} status`,
      dedupeKey: `drill/${severity}`,
      runbook: "docs/alerts.md#drill",
    },
    context,
  );
}
