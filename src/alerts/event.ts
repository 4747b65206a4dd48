/**
 * What Holdfast says on an EventBridge bus: one event a fact, in the form that
 * schema/event.schema.json and docs/events.md describe. Ids, names and figures only: no text that
 * an error or a database wrote, for anyone may listen to a bus.
 */
import { createHash } from "node:crypto";
import * as z from "zod";

/** Grows when a member changes its meaning or goes away; a new member does not count. */
export const eventVersion = 1;

/** The `source` of every event: rules match it. */
export const eventSource = "holdfast";

/** EventBridge takes 256 KB an entry; so many ids are 60 KB. */
export const maxEventBackups = 1_000;

const backup = {
  source: z.string().min(1).max(100).meta({ description: "The source of the policy." }),
  backupId: z.string().min(1).max(100).meta({ description: "The backup's id." }),
};
const execution = z.string().min(1).max(2_048).meta({ description: "The ARN of the execution of Step Functions." });

/** What evidence in the vault says of a backup: `backup.` and the check's name. */
const checked = z.strictObject({
  ...backup,
  execution,
  checkedAt: z.iso.datetime().meta({ description: "The time of the evidence, as the vault has it." }),
});

/** An execution that did not do what it was started for. */
const failed = z.strictObject({
  source: backup.source.exactOptional().meta({ description: "Absent: it was about several, or nobody knows." }),
  backupId: backup.backupId.exactOptional().meta({ description: "Absent: it was about none, or nobody knows." }),
  execution,
  error: z.string().max(256).meta({ description: "The error's class: one of Holdfast's, or a name of AWS." }),
});

const finished = z.strictObject({ ...backup, execution });

const pruned = z.strictObject({
  source: backup.source,
  backupIds: z
    .array(backup.backupId)
    .min(1)
    .max(maxEventBackups)
    .meta({ description: `What was deleted: the first ${maxEventBackups}.` }),
  count: z.int().positive().meta({ description: "How many were deleted." }),
});

/**
 * What makes two events one fact. A failure is told by its machine and, where that could not, by
 * the rule on executions, which knows no backup.
 */
const identities = {
  checked: ({ source, backupId, checkedAt }: z.output<typeof checked>) => [source, backupId, checkedAt],
  failed: ({ execution: arn }: z.output<typeof failed>) => [arn],
  failedOfMany: ({ execution: arn, backupId = "" }: z.output<typeof failed>) => [arn, backupId],
  finished: ({ execution: arn }: z.output<typeof finished>) => [arn],
  pruned: ({ source, backupIds }: z.output<typeof pruned>) => [source, ...backupIds],
};

const aboutCheck = { facts: checked, identity: identities.checked };
const aboutFailure = { facts: failed, identity: identities.failed };

/** What happened, by its name: the `detail-type` of the event. */
export const eventTypes = {
  "backup.verified": { ...aboutCheck, when: "A backup was read back whole, and is what was written." },
  "backup.proven": { ...aboutCheck, when: "A backup was restored, and equals what was dumped." },
  "backup.unproven": { ...aboutCheck, when: "A restore test lacked something: nothing is proven, nothing is known to be bad." },
  "backup.disproven": { ...aboutCheck, when: "A backup was restored, and differs from what was dumped." },
  "backup.suspicious": { ...aboutCheck, when: "A backup is far smaller than those before it." },
  "backup.damaged": { ...aboutCheck, when: "A backup could not be read back whole." },
  "backup.failed": { ...aboutFailure, when: "A run that was to make a backup failed." },
  "verification.failed": {
    facts: failed,
    identity: identities.failedOfMany,
    when: "A verification of one backup failed, or of many.",
  },
  "restore-test.failed": { ...aboutFailure, when: "A restore test failed." },
  "restore.failed": { ...aboutFailure, when: "A restore failed." },
  "fleet.failed": { ...aboutFailure, when: "Runs of several sources failed." },
  "restore.finished": {
    facts: finished,
    identity: identities.finished,
    when: "A restore is done, and what was restored was compared.",
  },
  "retention.pruned": { facts: pruned, identity: identities.pruned, when: "Retention released backups, and they were deleted." },
} as const;

export type EventType = keyof typeof eventTypes;
type Facts<T extends EventType> = z.output<(typeof eventTypes)[T]["facts"]>;

const envelope = {
  version: z.literal(eventVersion).meta({ description: "The version of this form." }),
  id: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .meta({ description: "The fact's: an event that comes twice has the same." }),
  deployment: z.string().min(1).max(64).meta({ description: "The stack: holdfast-<stage>." }),
  at: z.iso.datetime().meta({ description: "When the event was put." }),
};

function detailOf<T extends EventType>(type: T) {
  const { facts, when } = eventTypes[type];
  return z.strictObject({ ...envelope, type: z.literal(type), ...facts.shape }).meta({ title: type, description: when });
}

/** The `detail` of every event. */
export const eventSchema = z
  .discriminatedUnion("type", (Object.keys(eventTypes) as EventType[]).map(detailOf) as [ReturnType<typeof detailOf>])
  .meta({ title: "An event of Holdfast", description: "The detail of an event on the bus: docs/events.md." });

export interface BusEvent {
  readonly type: EventType;
  readonly detail: Readonly<Record<string, unknown>>;
}

/**
 * The event of a fact. Its id is made of the fact and the stack alone: a step that is tried again
 * says the same again. Errors: a ZodError: the facts are not of this type.
 */
export function makeEvent<T extends EventType>(type: T, facts: Facts<T>, about: { deployment: string; now: Date }): BusEvent {
  const { deployment, now } = about;
  const rules: { readonly facts: z.ZodType; identity(facts: unknown): readonly string[] } = eventTypes[type] as never;
  const parsed = rules.facts.parse(facts) as Record<string, unknown>;
  const identity = JSON.stringify([deployment, type, ...rules.identity(parsed)]);
  const id = createHash("sha256").update(identity).digest("hex").slice(0, 32);
  return { type, detail: { version: eventVersion, id, deployment, at: now.toISOString(), type, ...parsed } };
}

/** By the machine's name in an execution. */
const failures = {
  backup: "backup.failed",
  verify: "verification.failed",
  "restore-test": "restore-test.failed",
  restore: "restore.failed",
  fleet: "fleet.failed",
} as const satisfies Readonly<Record<string, EventType>>;

/** The event of a machine that failed; undefined: the machine is none of Holdfast's. */
export function failureOf(machine: string): (typeof failures)[keyof typeof failures] | undefined {
  return Object.hasOwn(failures, machine) ? failures[machine as keyof typeof failures] : undefined;
}

const errorName = /^[A-Za-z][A-Za-z0-9_.-]{0,255}$/;

/**
 * An error's name as an event may carry it. Anyone who stops an execution may write any words as
 * its error: what is no name is `Unreadable`.
 */
export function eventError(error: string): string {
  return errorName.test(error) ? error : "Unreadable";
}
