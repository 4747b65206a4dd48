/** An alert as a Slack message of blocks. */
import type { Alert } from "./alert.ts";
import { labelOf, sayInstant, sayNewestGood, saySince } from "./alert-words.ts";
import { cutText, oneLine } from "./cut-text.ts";

interface PlainText {
  readonly type: "plain_text";
  readonly text: string;
}

interface Markdown {
  readonly type: "mrkdwn";
  readonly text: string;
}

type SlackBlock =
  | { readonly type: "header"; readonly text: PlainText }
  | { readonly type: "section"; readonly text: Markdown }
  | { readonly type: "section"; readonly fields: readonly Markdown[] }
  | { readonly type: "context"; readonly elements: readonly Markdown[] };

/** The body of a webhook's POST: `text` is what a telephone's notification shows. */
export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

/**
 * Slack's limits, in characters after escaping: header 150, section 3,000, field 2,000 (Block Kit
 * reference); the fallback is a line.
 */
const most = { header: 150, section: 3_000, field: 2_000, fallback: 300 } as const;

/** The message: five blocks, each within Slack's limits whatever the alert says. */
export function renderSlack(alert: Alert): SlackMessage {
  const { what, why, nextCommand, run, runbook, dedupeKey } = alert;
  const headline = `${labelOf(alert)}: ${what}`;
  const reasons = [`${why.message} (${why.class})`, ...why.details].map(oneLine).join("\n");
  const footer = [
    `Procedure: ${runbook}`,
    ...(run === undefined ? [] : [`Run: ${run}`]),
    `Sent ${sayInstant(alert.at)}; cause ${dedupeKey}`,
  ];
  return {
    text: escapeText(`${headline} - ${why.message}`, most.fallback),
    blocks: [
      { type: "header", text: { type: "plain_text", text: escapeText(headline, most.header) } },
      section(`*Type this next*\n${codeBlock(oneLine(nextCommand), 1_000)}\n${escapeText(why.hint, 1_000)}`),
      section(`*Why*\n${codeBlock(reasons, most.section - 50)}`),
      {
        type: "section",
        fields: [
          { type: "mrkdwn", text: `*Since*\n${escapeText(saySince(alert), most.field - 50)}` },
          { type: "mrkdwn", text: `*Newest good backup*\n${escapeText(sayNewestGood(alert), most.field - 50)}` },
        ],
      },
      { type: "context", elements: [{ type: "mrkdwn", text: escapeText(footer.join("  |  "), most.field) }] },
    ],
  };
}

function section(text: string): SlackBlock {
  return { type: "section", text: { type: "mrkdwn", text } };
}

/** Foreign words go into code blocks, where nothing is formatting, and nobody's name is called. */
function codeBlock(text: string, limit: number): string {
  return `\`\`\`${escapeLines(text.replaceAll("`", "'"), limit - 6)}\`\`\``;
}

function escapeText(text: string, limit: number): string {
  return escapeLines(oneLine(text), limit);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Escapes what Slack gives a meaning, within `limit` characters of the escaped text, and never
 * through an entity or a character.
 */
function escapeLines(text: string, limit: number): string {
  const escaped = text.replace(/[&<>]/g, (character) => entities[character] ?? character);
  if (escaped.length <= limit) return escaped.toWellFormed();
  let result = "";
  for (const character of text) {
    const piece = entities[character] ?? character;
    if (result.length + piece.length > limit - 1) break;
    result += piece;
  }
  return cutText(`${result}…`, limit);
}
