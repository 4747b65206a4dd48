/** The schema of `approvals`: what a second person must approve, and who that may be. */
import { guardedActions } from "./approvals.ts";
import { defaultApprovalExpiry } from "./defaults.ts";
import { durationPattern, parseDuration } from "./duration.ts";
import type { Parsed } from "./parsed.ts";
import { publicKey } from "./schema-places.ts";
import { choice, forms, list, named, section, term } from "./schema-terms.ts";
import { showValue } from "./secret-text.ts";

/** An approval that holds for longer than this is a standing permission. */
const maxExpirySeconds = 30 * 86_400;

const expects = "a public key in base64, or a mapping with publicKey";
const approverKey = publicKey("the approver's own key, as `holdfast approver-key` prints it");

const approver = forms(
  [
    approverKey,
    section(
      {
        publicKey: approverKey,
        user: term(parseUser, {
          expects: "the name of a user of this machine",
          description: "Their user's name on the machine that restores: what that user asks for, this approver cannot approve.",
          samples: ["ben"],
          defaultNote: "not known",
        }).optional(),
        retired: term(parseDay, {
          expects: "a day such as 2027-03-31",
          type: "day",
          description: "From that day on (UTC) they decide nothing. Keep their entry: what they decided before is checked with it.",
          samples: ["2027-03-31"],
          defaultNote: "never",
        }).optional(),
      },
      { description: "An approver with the rarer options." },
    ),
  ],
  {
    expects,
    description: "Somebody who may approve: their public key.",
    samples: ["MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
  },
);

/** The part `approvals` of a policy. */
export const approvals = section(
  {
    of: list(choice(guardedActions, { description: "An action.", samples: ["overwrite"] }), {
      expects: `a list of some of ${guardedActions.join(", ")}`,
      description:
        "What waits for a second person: a restore into a target that holds something (`--overwrite`, `--swap`), taking one back, putting rows into a live table (`--into-live --yes`), releasing a hold, or accepting a suspicious backup.",
      samples: [["overwrite", "release-hold"]],
      defaultNote: "all of them",
    }).optional(),
    expires: term(parseExpiry, {
      expects: "a duration such as 4h",
      type: "duration",
      pattern: durationPattern,
      description: "How long a request waits, and its approval holds; 30d at most.",
      samples: ["4h"],
    }).prefault(defaultApprovalExpiry),
    approvers: named(approver, {
      expects: "a name and a public key, such as ben: MCow…",
      description: "Who may approve, by name.",
      samples: [],
      defaultNote: "nobody on one machine; in a stack, AWS identities with the right to answer",
    }).optional(),
  },
  { description: "Which actions need a second person, and who that may be (docs/approvals.md)." },
);

function parseExpiry(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("problem" in parsed || parsed.value <= maxExpirySeconds) return parsed;
  return { problem: `${showValue(text)} is too long: 30d at most` };
}

/** As useradd allows them, and as other systems do: no control characters, no spaces. */
function parseUser(text: string): Parsed<string> {
  return /^[^\s\p{Cc}@/:]{1,64}$/u.test(text) ? { value: text } : { problem: `${showValue(text)} is not a user's name` };
}

/** The day's first instant. */
function parseDay(text: string): Parsed<string> {
  const at = `${text}T00:00:00.000Z`;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(at)) && new Date(at).toISOString() === at;
  return isDay ? { value: at } : { problem: `${showValue(text)} is not a day: write one such as 2027-03-31` };
}
