/** Small pieces that every section of the report shares. */
import { type Html, html } from "./html.ts";
import type { Verdict } from "./status-model.ts";

/** An instant in UTC, to the second, readable by people and machines. */
export function instant(at: Date): Html {
  if (Number.isNaN(at.getTime())) return html`an unknown time`;
  const iso = at.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

const verdictWords = { ok: "ok", warning: "warning", breach: "breach" } as const;

/** A verdict in words and colour; the words alone suffice. */
export function verdictBadge(verdict: Verdict): Html {
  return html`<span class="badge ${verdict}">${verdictWords[verdict]}</span>`;
}

const tones: Readonly<Record<string, Verdict>> = {
  proven: "ok",
  verified: "ok",
  accepted: "ok",
  restored: "ok",
  suspicious: "warning",
  unproven: "warning",
  damaged: "breach",
  disproven: "breach",
};

/** A state or a check's outcome in words and colour. */
export function describeState(state: string): Html {
  return html`<span class="badge ${Object.hasOwn(tones, state) ? tones[state] : "plain"}">${state}</span>`;
}

/** `1 backup`, `3 backups`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
