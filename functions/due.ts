/**
 * Lists what a run over many has to do, as an object in the state bucket: a list may grow, a state
 * machine's payload may not.
 */
import * as z from "zod";
import { type DueBackup, listDueBackups, listFleet } from "../src/pipeline/list-due.ts";
import { readOwnNames } from "./commons/environment.ts";
import { kind, source } from "./commons/inputs.ts";
import { logger } from "./commons/powertools.ts";
import { proveNames } from "./commons/source-names.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";

const execution = z.string().regex(/^[A-Za-z0-9_-]{1,80}$/);
/** Longer than a day's run, shorter than two: daily verification then reads everything daily. */
const defaultHours = 20;
/**
 * A Distributed Map's results, one figure an item, come back in one payload of 262,144 bytes (Step
 * Functions quotas): this many fit twice. What is due beyond it waits for the next run, the longest
 * unread first, and `watch` tells of verifications that are overdue.
 */
const maxItems = 50_000;

export const step = defineStep({
  name: "due",
  input: z.strictObject({
    what: z.enum(["verify", "backup", "restore-test"]),
    execution,
    sources: z.array(source).max(10_000),
    /** Of a fleet's backups, one at most; none: full. */
    kinds: z.array(kind).max(1).default([]),
    olderThanHours: z.number().min(0).max(8_784).default(defaultHours),
  }),
  async run(context, { what, execution: name, sources, kinds, olderThanHours }) {
    const due =
      what === "verify"
        ? toProve(await listDueBackups(context, sources, olderThanHours * 3600))
        : listFleet(context, sources, kinds[0]).map((member) => ({ ...member, what }));
    const items = due.slice(0, maxItems);
    if (due.length > items.length) logger.warn("more is due than one run takes", { due: due.length, taken: items.length });
    const key = `lists/${what}/${name}.json`;
    return withStateStore(context.run.clock, async (store, { bucket, prefix }) => {
      await store.put(key, Buffer.from(JSON.stringify(items)), { signal: context.run.signal });
      return { bucket, key: `${prefix}${key}`, count: items.length };
    });
  },
});

/** Each with the function and the role of its source, and with what these are asked for. */
function toProve(backups: readonly DueBackup[]) {
  const names = readOwnNames();
  return backups.map((backup) => ({ event: { step: "verify", ...backup }, ...proveNames(names, backup.source) }));
}

export const handler = serve(step);
