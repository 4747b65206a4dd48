/** The keys of sources that engines share. */
import * as z from "zod";
import { defaultMaxTestDuration, defaultName, defaultTier } from "./defaults.ts";
import type { Parsed } from "./parsed.ts";
import { cron, duration, objectives, size, tiers } from "./schema-rules.ts";
import { choice, list, term, type Words, wrongType } from "./schema-terms.ts";

export const testSchedule = cron({
  description: "When the newest backup is restored into a throwaway target and compared.",
  samples: ["0 4 1 * *"],
  defaultNote: "by hand only",
}).optional();

export const maxTestDuration = duration({
  description: "When a restore test that has not ended is ended: it is then `unproven`.",
  samples: ["4h"],
  defaultNote: defaultMaxTestDuration,
}).optional();

const reference = (what: string) =>
  z
    .string({ error: (issue) => wrongType(issue.input, `the name of a ${what}`) })
    .meta({
      description: `The ${what} of this source: a name under \`${what}s\`.`,
      samples: [defaultName],
      defaultNote: `the only ${what}, else \`${defaultName}\``,
    })
    .optional();

/** The keys of every source, in the order in which people write them. */
export const identity = {
  tier: choice(tiers, {
    description: "How much the source matters; gives the objectives that are not written.",
    samples: ["critical"],
  }).prefault(defaultTier),
  objectives: objectives.prefault({}),
  vault: reference("vault"),
  key: reference("key"),
  size: size({
    description:
      "How much it holds, roughly. On AWS, what is more than a Lambda can dump goes to Fargate from the first backup on; later ones go by what was measured as well.",
    samples: ["200GB"],
    defaultNote: "as it was measured",
  }).optional(),
};

/** A list of patterns in the engine's own notation. */
export const patterns = (parse: (text: string) => Parsed<string>, example: string, words: Words) => {
  const item = { expects: `a pattern such as ${example}`, type: "pattern", description: `A pattern such as \`${example}\`.` };
  return list(term(parse, item), { expects: `a list of patterns such as [${example}]`, ...words }).optional();
};
