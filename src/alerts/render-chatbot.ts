/**
 * An alert for Amazon Q Developer in chat applications (once AWS Chatbot): it shows this schema
 * alone and drops everything else silently.
 */
import type { Alert } from "./alert.ts";
import { labelOf, sayNewestGood, saySince } from "./alert-words.ts";
import { cutText, oneLine } from "./cut-text.ts";

/**
 * The schema of a custom notification (AWS Chatbot administrator guide, "Custom notifications").
 */
export interface ChatbotNotification {
  readonly version: "1.0";
  readonly source: "custom";
  readonly id: string;
  readonly content: {
    readonly textType: "client-markdown";
    readonly title: string;
    readonly description: string;
    readonly nextSteps: readonly string[];
    readonly keywords: readonly string[];
  };
  readonly metadata: {
    /** Messages of one cause come in one thread. */
    readonly threadId: string;
    readonly summary: string;
    readonly eventType: string;
    readonly additionalContext: Readonly<Record<string, string>>;
  };
}

/**
 * The guide documents no limits: these are what Slack and Teams, which show it in the end, take
 * without cutting.
 */
const most = { title: 150, description: 3_000, step: 500, keyword: 75, id: 200 } as const;

/**
 * The notification; all its texts are single-line or short, and within limits whatever the alert
 * says.
 */
export function renderChatbot(alert: Alert): ChatbotNotification {
  const { what, why, nextCommand, source, severity, runbook, run, dedupeKey, at } = alert;
  const cut = (text: string, limit: number): string => cutText(oneLine(text), limit);
  const headline = `${labelOf(alert)}: ${what}`;
  const description = [
    `*Why:* ${escapeMarkup(`${why.message} (${why.class})`)}`,
    ...why.details.map(escapeMarkup),
    `*Since:* ${saySince(alert)}`,
    `*Newest good backup:* ${sayNewestGood(alert)}`,
  ];
  return {
    version: "1.0",
    source: "custom",
    id: cut(`${dedupeKey}@${at}`, most.id),
    content: {
      textType: "client-markdown",
      title: cut(escapeMarkup(headline), most.title),
      description: cutText(description.map(oneLine).join("\n"), most.description),
      nextSteps: [`\`${nextCommand.replaceAll("`", "'")}\``, escapeMarkup(why.hint), `Procedure: ${runbook}`].map((step) =>
        cut(step, most.step),
      ),
      keywords: ["holdfast", severity, ...(source === undefined ? [] : [source])].map((keyword) => cut(keyword, most.keyword)),
    },
    metadata: {
      threadId: cut(dedupeKey, most.id),
      summary: cut(headline, most.title),
      eventType: `holdfast-${alert.kind}`,
      additionalContext: {
        severity,
        errorClass: cut(why.class, most.id),
        ...(run === undefined ? {} : { run: cut(run, most.step) }),
      },
    },
  };
}

/** What Slack and Teams take for mentions and links; a message must not call everybody. */
function escapeMarkup(text: string): string {
  return text.replaceAll("<", "(").replaceAll(">", ")");
}
