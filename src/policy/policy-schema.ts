/**
 * The schema of a whole policy: the one definition behind the parser, the JSON Schema and the
 * reference page.
 */
import * as z from "zod";
import { defaultAuditKeep, defaultTimeZone } from "./defaults.ts";
import { parseDuration } from "./duration.ts";
import type { EnginePolicies } from "./engine-policy.ts";
import type { Parsed } from "./parsed.ts";
import type { AlertChannel } from "./policy.ts";
import { channelForm, parseAlertChannel, parseEmail } from "./references.ts";
import { approvals } from "./schema-approvals.ts";
import { connectionReference, key, webhookReference } from "./schema-places.ts";
import { forms, list, named, section, term, wrongType } from "./schema-terms.ts";
import { vault } from "./schema-vaults.ts";
import { showValue } from "./secret-text.ts";
import { sourceOf } from "./source-schema.ts";
import { parseTimeZone } from "./time-zone.ts";

const channelLong = section(
  {
    email: term(parseEmail, {
      expects: "an address such as ops@example.com",
      description: "The address.",
      samples: ["ops@example.com"],
    }).optional(),
    slack: webhookReference({
      description: "Where the webhook's address stands; it is a secret.",
      samples: ["secret:slack-webhook"],
    }).optional(),
  },
  { description: "Exactly one of these.", expects: channelForm, minProperties: 1, maxProperties: 1 },
)
  .refine((written) => Object.keys(written).length === 1, { error: () => "needs exactly one of email, slack" })
  .transform(({ email, slack }): AlertChannel => {
    return slack === undefined ? { type: "email", address: email ?? "" } : { type: "slack", webhook: slack };
  });

const channel = forms(
  [
    term(parseAlertChannel, {
      expects: channelForm,
      type: "channel",
      pattern: "^(email:[^@]+@[^@]+|slack:(env:|file:|secret:|secret/).+)$",
      description:
        "`email:ADDRESS`, or `slack:` and where its webhook stands: `slack:env:NAME`, `slack:file:PATH`, `slack:secret/ID`.",
      samples: ["email:ops@example.com", "slack:secret/slack-webhook"],
    }),
    channelLong,
  ],
  { expects: channelForm, description: "One receiver of alerts." },
);

function channels(description: string, defaultNote: string) {
  return list(channel, {
    expects: "a list such as [email:ops@example.com]",
    description,
    samples: [["email:ops@example.com", "slack:secret/slack-webhook"]],
    defaultNote,
  }).optional();
}

const alerts = section(
  {
    critical: channels(
      "Who is notified of what needs someone now: a failed backup, a damaged one, an objective that is not met.",
      "those of `warning`",
    ),
    warning: channels("Who is notified of what needs someone soon.", "those of `critical`"),
    info: channels("Who is notified of what went well, or recovered.", "nobody"),
  },
  { description: "Who is notified, by severity." },
);

const audit = section(
  {
    keep: term(parseAuditKeep, {
      expects: "a duration such as 2557d, or none",
      type: "duration",
      description: "How long an entry is locked, in vaults that lock. `none`: not at all. Nothing of Holdfast deletes one.",
      samples: ["365d"],
      defaultNote: `${defaultAuditKeep}: seven years`,
    }).optional(),
  },
  { description: "The audit trail: who restored, held, released, accepted or exported what." },
);

function parseAuditKeep(text: string): Parsed<number> {
  return text === "none" ? { value: 0 } : parseDuration(text);
}

function build(engines: EnginePolicies) {
  return section(
    {
      version: z
        .literal(1, { error: (issue) => versionProblem(issue.input) })
        .meta({ description: "The version of this format.", samples: [1] }),
      timezone: term(parseTimeZone, {
        expects: "an IANA time zone such as Europe/Berlin, or UTC",
        type: "IANA time zone",
        description: "The IANA time zone of every schedule and of retention's days, weeks, months and years.",
        samples: ["Europe/Berlin"],
      }).prefault(defaultTimeZone),
      vaults: named(vault, {
        expects: "a name and where it is, such as main: folder:/srv/holdfast",
        description: "Where backups live.",
        samples: [{ main: "s3://acme-backups" }],
      }),
      keys: named(key, {
        expects: "a name and a key, such as main: file:~/.config/holdfast/main.key",
        description: "What seals them.",
        samples: [{ main: "kms:alias/holdfast" }],
      }),
      sources: named(sourceOf(engines), {
        expects: `a name and what is backed up, such as taskmaster: { engine: ${engines[0].name}, … }`,
        description: "What is backed up.",
        samples: [],
      }),
      restoreTargets: named(
        connectionReference({
          description: "Where to find the connection string of the database to restore to; in a stack, a secret.",
          samples: ["secret:taskmaster/restored"],
        }),
        {
          expects: "a name and a connection, such as standby: secret:taskmaster/restored",
          description:
            "Other servers that a restore on a stack may go to, by name. Without one, a stack restores to a new database on the source's own server only.",
          samples: [{ standby: "secret:taskmaster/restored" }],
        },
      ).optional(),
      alerts: alerts.prefault({}),
      audit: audit.prefault({}),
      approvals: approvals.optional(),
    },
    {
      expects: "a policy: a mapping with version, vaults, keys and sources",
      description: "A Holdfast policy: what is backed up, where to, how long it is kept and how it is proven.",
    },
  );
}

const built = new WeakMap<EnginePolicies, ReturnType<typeof build>>();

/** The schema of a policy whose sources are of these engines; built once for each list. */
export function policySchema(engines: EnginePolicies): ReturnType<typeof build> {
  const known = built.get(engines) ?? build(engines);
  built.set(engines, known);
  return known;
}

/**
 * A policy as it is written, its short texts parsed, before defaults, references and paths are
 * resolved.
 */
export type WrittenPolicy = z.output<ReturnType<typeof build>>;

function versionProblem(input: unknown): string {
  if (input === undefined || input === null) return wrongType(input, "version: 1");
  return `${showValue(input)} is not allowed; this Holdfast reads version 1`;
}
