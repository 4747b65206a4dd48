/**
 * Delivers a message to a Slack webhook. The webhook's address is a secret: it is in no error, no
 * cause and no log.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Secret } from "../runtime/secret.ts";
import type { SlackMessage } from "./render-slack.ts";

export interface SlackOptions {
  /** The channel as the policy writes it, for messages: `slack:env:SLACK_WEBHOOK`. */
  readonly channel: string;
  /** Waits; injected, so that tests need not. */
  readonly wait: (milliseconds: number) => Promise<unknown>;
  /** 0 to 1, spreads retries of many senders. */
  readonly random: () => number;
  /** How long one attempt may take; absent: 10 seconds. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Four attempts bridge a burst's 429 and a short outage, and end well before a Lambda's or a
 * person's patience does.
 */
const attempts = 4;
const attemptTimeoutMs = 10_000;
/** Slack takes one message a second of a webhook (Slack API, "Rate limits"). */
const firstPauseMs = 1_000;
/**
 * A longer Retry-After than this is not waited for: better to say that the message did not go out.
 */
const maxPauseMs = 30_000;

/** How an attempt ended. */
type Answer =
  | { readonly ended: "delivered" }
  | { readonly ended: "refused"; readonly why: string }
  | { readonly ended: "again"; readonly why: string; readonly pauseMs?: number | undefined };

/**
 * Posts a message. Tries again on 408, 429 (after its Retry-After), 5xx, a broken connection and a
 * timeout: rather twice than never.
 * Errors: AlertRefused when Slack will not take it however often it is asked; AlertUndelivered when
 * it could not be asked.
 */
export async function sendSlack(webhook: Secret, message: SlackMessage, options: SlackOptions): Promise<void> {
  const url = checkWebhook(webhook, options.channel);
  const body = JSON.stringify(message);
  let why = "";
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const answer = await post(url, body, options.timeoutMs ?? attemptTimeoutMs);
    if (answer.ended === "delivered") return;
    why = answer.why;
    if (answer.ended === "refused") throw new HoldfastError("AlertRefused", `${options.channel} does not take the alert: ${why}`);
    const pauseMs = answer.pauseMs ?? firstPauseMs * 2 ** (attempt - 1) * (0.5 + options.random());
    if (pauseMs > maxPauseMs) break;
    if (attempt < attempts) await options.wait(pauseMs);
  }
  throw new HoldfastError("AlertUndelivered", `the alert did not reach ${options.channel}: ${why}`);
}

/**
 * The webhook's address: Slack's are https; plain http is for a receiver on this very machine.
 * Errors: SecretUnavailable, without the address.
 */
export function checkWebhook(webhook: Secret, channel: string): string {
  const text = webhook.reveal().trim();
  // The parser's own error would quote the text.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url?.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || local) return text;
  throw new HoldfastError("SecretUnavailable", `${channel} does not hold the https address of a webhook`, {
    hint: "Store the webhook's whole address there, as Slack shows it: https://hooks.slack.com/services/…",
  });
}

async function post(url: string, body: string, timeoutMs: number): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body,
      // A redirect would carry the alert to somebody else.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return judge(response.status, await response.text(), response.headers.get("retry-after"));
  } catch (error) {
    // Neither the message nor the cause goes on: they may hold the address.
    return { ended: "again", why: describeFailure(error, timeoutMs) };
  }
}

function judge(status: number, body: string, retryAfter: string | null): Answer {
  // Slack's own words (`no_service`, `invalid_payload`); anything else may be a page of the host
  // that answered in its place.
  const word = /^[a-z_]{1,60}$/.test(body.trim()) ? ` (${body.trim()})` : "";
  const why = `it answered ${status}${word}`;
  if (status === 200)
    return body.trim() === "ok" ? { ended: "delivered" } : { ended: "refused", why: "it answered 200, but not with ok" };
  if (status === 429 || status === 408 || status >= 500) {
    const seconds = Number(retryAfter ?? Number.NaN);
    return { ended: "again", why, ...(retryAfter !== null && seconds >= 0 ? { pauseMs: seconds * 1000 } : {}) };
  }
  return { ended: "refused", why };
}

function describeFailure(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /^[A-Z0-9_]{1,60}$/.test(code) ? `no connection (${code})` : "no connection";
}
