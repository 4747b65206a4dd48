/** The schema of what engines have in common: objectives, schedules, retention, verification. */
import type * as z from "zod";
import { cronForm, cronPattern, parseCron } from "./cron.ts";
import { defaultMaxDrop, defaultMaxRemoval, defaultMinAge, tierObjectives } from "./defaults.ts";
import { durationForm, durationPattern, formatDuration, parseDuration } from "./duration.ts";
import { chainsOf, type KindRules, kindsOf } from "./kind-rules.ts";
import { type BackupKind, backupKinds, type Tier } from "./policy.ts";
import { count, list, section, term, type Words } from "./schema-terms.ts";
import { parseShare, shareForm, sharePattern } from "./share.ts";
import { parseSize, sizeForm, sizePattern } from "./size.ts";
import { parseWindow } from "./window.ts";

/** The engine whose kinds a schema offers. */
interface Engine {
  readonly name: string;
  readonly kinds: KindRules;
}

export const tiers = Object.keys(tierObjectives) as [Tier, ...Tier[]];

export function duration(words: Words) {
  return term(parseDuration, { expects: durationForm, type: "duration", pattern: durationPattern, ...words });
}

export function cron(words: Words) {
  const parse = (text: string) => {
    const parsed = parseCron(text);
    return "problem" in parsed ? parsed : { value: text.trim().split(/\s+/).join(" ") };
  };
  return term(parse, { expects: cronForm, type: "schedule", pattern: cronPattern, ...words });
}

function share(words: Words) {
  return term(parseShare, { expects: shareForm, type: "share", pattern: sharePattern, ...words });
}

export function size(words: Words) {
  return term(parseSize, { expects: sizeForm, type: "size", pattern: sizePattern, ...words });
}

function byTier(pick: (tier: Tier) => number): string {
  return `by tier: ${tiers.map((tier) => `${tier} ${writtenAsIs(pick(tier))}`).join(", ")}`;
}

/** A day stays `24h` here: it is how objectives are spoken of. */
function writtenAsIs(seconds: number): string {
  return seconds === 86_400 ? "24h" : formatDuration(seconds);
}

export const objectives = section(
  {
    rpo: duration({
      description:
        "Recovery point objective: how much of the newest work may be lost. The newest good backup should never be older.",
      samples: ["1h"],
      defaultNote: byTier((tier) => tierObjectives[tier].rpoSeconds),
    }).optional(),
    rto: duration({
      description: "Recovery time objective: how long a restore may take. Restore tests measure it.",
      samples: ["4h"],
      defaultNote: byTier((tier) => tierObjectives[tier].rtoSeconds),
    }).optional(),
  },
  { description: "What the source promises its users; measured, and reported when it is not met." },
);

/** Bounds slips of the keyboard, far beyond what a calendar needs. */
const maxKept = 100_000;
const rules = ["keepLast", "keepWithin", "recoveryWindow", "daily", "weekly", "monthly", "yearly", "kinds"] as const;

const minAge = term(parseMinAge, {
  expects: `${durationForm}, or none`,
  type: "duration",
  pattern: `^none$|${durationPattern}`,
  description:
    "No younger backup is ever released, whatever the other rules say: the time in which a deletion or a wrong UPDATE is noticed. `none` lets retention release a backup as soon as a newer one stands for it.",
  samples: ["7d"],
}).prefault(defaultMinAge);

const recoveryWindow = duration({
  description:
    "Every instant of this time stays recoverable: what was made in it stays, and the newest good backup before it with everything since. Logs that are not needed for it go.",
  samples: ["7d"],
});

export function retention(engine: Engine) {
  const kinds = kindsOf(engine);
  return section(
    {
      daily: count(maxKept, {
        description: "The newest backup of each of so many days stays, and the newest proven one.",
        samples: [30],
      }).optional(),
      weekly: count(maxKept, {
        description: "The newest backup of each of so many ISO weeks stays, and the newest proven one.",
        samples: [8],
      }).optional(),
      monthly: count(maxKept, {
        description: "The newest backup of each of so many months stays, and the newest proven one.",
        samples: [12],
      }).optional(),
      yearly: count(maxKept, {
        description: "The newest backup of each of so many years stays, and the newest proven one.",
        samples: [7],
      }).optional(),
      keepLast: count(maxKept, { description: "So many newest backups stay, whatever their age.", samples: [3] }).optional(),
      keepWithin: duration({ description: "Every younger backup stays.", samples: ["7d"] }).optional(),
      recoveryWindow: recoveryWindow.optional(),
      kinds: section(
        Object.fromEntries(
          kinds.map((kind) => [
            kind,
            duration({ description: `Every younger \`${kind}\` backup stays.`, samples: ["30d"] }).optional(),
          ]),
        ),
        {
          description: "Age rules per kind of backup.",
          unknown: (key) => unavailableKind(key, engine),
        },
      ).optional(),
      permanent: list(
        term(parseBackupId, {
          expects: "the id of a backup",
          type: "backup id",
          description: "The id of a backup.",
          samples: ["20261120T020000Z-full-7k3f9a"],
        }),
        {
          expects: "a list of backup ids",
          description: "Backups that are never released.",
          samples: [["20261120T020000Z-full-7k3f9a"]],
        },
      ).optional(),
      minAge,
      maxRemoval: share({
        description: "The largest share of a source's backups that one prune may remove; a plan beyond it is refused.",
        samples: ["25%"],
      }).prefault(defaultMaxRemoval),
    },
    {
      expects: "which backups stay, such as { daily: 30, monthly: 12 }",
      description:
        "Which backups stay; a backup stays while any rule keeps it. Days, weeks, months and years are those of the policy's time zone.",
      samples: [{ daily: 30, monthly: 12 }],
      anyOf: rules.map((rule) => ({ required: [rule] })),
    },
  ).refine(keepsSomething, {
    error: () => `keeps nothing: write at least one of ${rules.join(", ")}, such as { daily: 30, monthly: 12 }`,
  });
}

function keepsSomething(written: Readonly<Record<string, unknown>>): boolean {
  return rules.some((rule) => {
    const value = written[rule];
    return typeof value === "object" && value !== null ? Object.keys(value).length > 0 : value !== undefined;
  });
}

function parseMinAge(text: string) {
  return text === "none" ? { value: 0 } : parseDuration(text);
}

function parseBackupId(text: string) {
  const pattern = new RegExp(`^\\d{8}T\\d{6}Z-(${backupKinds.join("|")}|log-first)-[a-z0-9]+$`);
  return pattern.test(text) ? { value: text } : { problem: "is not the id of a backup, such as 20261120T020000Z-full-7k3f9a" };
}

/** `volatile` is a list of patterns in the engine's own notation. */
export function verify<V extends z.ZodType>(volatile: V) {
  return section(
    {
      schedule: cron({
        description: "When backups are read back again, besides right after each one is made.",
        samples: ["0 3 * * 0"],
        defaultNote: "on one machine after each backup only, in a stack daily",
      }).optional(),
      maxDrop: share({
        description:
          "A backup in which a table or directory is smaller, or has fewer rows, than in the last one by more than this share is suspicious, and blocks pruning.",
        samples: ["30%"],
      }).prefault(defaultMaxDrop),
      volatile,
    },
    { description: "Reading backups back: checksums, seal and content." },
  );
}

function unavailableKind(key: string, engine: Engine): string | undefined {
  if (!(backupKinds as readonly string[]).includes(key)) return undefined;
  return `the ${engine.name} engine makes no ${key} backups; allowed: ${kindsOf(engine).join(", ")}`;
}

export function schedules(engine: Engine) {
  const kinds = kindsOf(engine);
  const schedule = (kind: BackupKind) =>
    cron({
      description: `When ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind} backup is made.`,
      samples: ["0 2 * * *"],
      defaultNote: "by hand only",
    }).optional();
  const shape = Object.fromEntries(kinds.map((kind) => [kind, schedule(kind)]));
  const window = term(parseWindow, {
    expects: durationForm,
    type: "duration",
    pattern: durationPattern,
    description:
      "How long after its schedule a backup may begin: a stack spreads its starts over this time; databases on one host are not dumped all at once. Never wider than a third of the time to the next run.",
    samples: ["1h"],
    defaultNote: "5m",
  }).optional();
  return section(
    { ...shape, window },
    {
      description: "When backups are made, per kind: cron in the policy's time zone.",
      samples: [{ full: "0 2 * * *" }],
      expects: 'a kind and its schedule, such as { full: "0 2 * * *" }',
      unknown: (key) => unavailableKind(key, engine),
      defaultNote: "by hand only",
    },
  )
    .superRefine((written, context) => {
      for (const [kind, message] of findBaseless(engine, written)) context.addIssue({ code: "custom", path: [kind], message });
    })
    .prefault({});
}

/** Kinds that are scheduled while nothing is that their chains could begin with. */
function findBaseless(engine: Engine, written: Readonly<Record<string, unknown>>): [BackupKind, string][] {
  const chains = chainsOf(engine);
  const scheduled = kindsOf(engine).filter((kind) => written[kind] !== undefined);
  if (scheduled.some((kind) => chains[kind] === undefined)) return [];
  const alone = kindsOf(engine).filter((kind) => chains[kind] === undefined);
  return scheduled.map((kind) => [
    kind,
    `${kind} backups build on others, and none of these is scheduled: write a schedule for ${alone.join(" or ")} as well`,
  ]);
}
