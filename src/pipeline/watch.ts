/**
 * The step that looks whether everything is as promised when nobody asks: objectives that are
 * breached, backups that did not happen, restore tests and verifications that are overdue. It tells
 * of each once, again when more is found or a day has passed, and when it is over. Of a damaged
 * backup it tells once, unless somebody else has: it stays damaged until retention releases it.
 */
import type { Alert } from "../alerts/alert.ts";
import { recoveryNotice } from "../alerts/alert.ts";
import { toHoldfastError } from "../errors/holdfast-error.ts";
import type { SourceConfig } from "../policy/policy.ts";
import type { SourceStatus } from "../report/status-model.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { measureSources } from "./measure-sources.ts";
import { type AlertableProblem, alertsFor } from "./notify/alertable.ts";
import { forgetDamageTold, listDamageTold, noteDamageTold } from "./notify/told-damage.ts";
import { type Memory, readMemory, type Told, writeMemory } from "./notify/watch-memory.ts";
import { gatherAlertContext } from "./notify.ts";
import type { PipelineContext } from "./pipeline-context.ts";

export interface WatchOptions {
  /**
   * Where it keeps in mind what it has told: a store that is written by nothing else under
   * `watch/`.
   */
  readonly memory: ObjectStore;
  /** Tells an alert; rejects when nobody was told, and is then asked again at the next look. */
  tell(alert: Alert): Promise<unknown>;
  /** How Holdfast is called where the alerts are read; absent: `holdfast`. */
  readonly invocation?: string | undefined;
  /**
   * Is given each source's status as soon as it is measured: figures must not wait for alerts that
   * may fail.
   */
  measured?(status: SourceStatus): void;
}

export interface WatchResult {
  /** Of every source whose vault could be read. */
  readonly sources: readonly SourceStatus[];
  /** Names of the sources that could not be measured. */
  readonly unmeasured: readonly string[];
  readonly told: number;
  readonly recovered: number;
}

/**
 * What is not as it should be, and which kinds of findings that is: their words change with every
 * minute that passes.
 */
export interface Observation {
  readonly problem: AlertableProblem;
  readonly subjects: readonly string[];
}

/** Somebody who missed the first alert, or took it for settled, hears of it daily. */
const repeatMs = 24 * 3_600_000;

/**
 * Measures every source of the policy and tells what changed since the last look. Two looks at one
 * time may tell a thing twice, and never keep it back.
 * Errors: those of `tell`, after everything else was told and kept in mind; those of the memory's
 * store.
 */
export async function watchSources(context: PipelineContext, options: WatchOptions): Promise<WatchResult> {
  const { sources, unmeasured, observations } = await lookAround(context, options);
  const names = unmeasured.map(({ name }) => name);
  const changes = await tellChanges(context, { observations, unseen: names, measured: sources }, options);
  return { sources, unmeasured: names, ...changes };
}

/** What a look found, for `tellChanges`. */
export interface Look {
  readonly observations: readonly Observation[];
  /** Sources of which it says nothing. */
  readonly unseen: readonly string[];
  /** Whose damaged backups are told. */
  readonly measured: readonly SourceStatus[];
}

/** The look at sources that were measured already. */
export function lookAt(context: PipelineContext, sources: readonly SourceStatus[]): Look {
  const seen = new Set(sources.map(({ source }) => source));
  return {
    observations: sources.flatMap(sightingsOf),
    unseen: Object.keys(context.policy.sources).filter((name) => !seen.has(name)),
    measured: sources,
  };
}

/** Tells what changed since the last look that is kept in mind. Errors: as watchSources. */
export async function tellChanges(
  context: PipelineContext,
  { observations, unseen, measured }: Look,
  { memory: store, tell, invocation = "holdfast" }: Pick<WatchOptions, "memory" | "tell" | "invocation">,
): Promise<Pick<WatchResult, "told" | "recovered">> {
  const memory = await readMemory(store, context.run);
  const news = await chooseNews(context, memory, { observations, unseen, measured }, invocation);
  const kept: Record<string, Told> = { ...news.unchanged };
  const failures: unknown[] = [];
  const counts = { told: 0, recovered: 0 };
  for (const { key, told, alert, count } of news.items) {
    try {
      await tell(alert);
      counts[count] += 1;
      if (told !== undefined) kept[key] = told;
    } catch (error) {
      failures.push(error);
      // What it was told of before stays known: its end has still to be told.
      const before = memory[key];
      if (before !== undefined) kept[key] = count === "recovered" ? before : { ...before, toldAt: new Date(0).toISOString() };
    }
  }
  await writeMemory(store, kept, context.run);
  for (const status of measured) {
    try {
      counts.told += await tellDamage(context, status, { memory: store, tell, invocation });
    } catch (error) {
      context.run.signal.throwIfAborted();
      failures.push(error);
    }
  }
  if (failures.length > 0) throw toHoldfastError(failures[0]);
  return counts;
}

async function lookAround(
  context: PipelineContext,
  { measured }: WatchOptions,
): Promise<{
  readonly sources: readonly SourceStatus[];
  readonly unmeasured: readonly SourceConfig[];
  readonly observations: readonly Observation[];
}> {
  const sources: SourceStatus[] = [];
  const unmeasured: SourceConfig[] = [];
  const failures = new Map<string, AlertableProblem>();
  for (const source of Object.values(context.policy.sources)) {
    try {
      for (const status of (await measureSources(context, [source])).status.sources) {
        measured?.(status);
        sources.push(status);
      }
    } catch (error) {
      context.run.signal.throwIfAborted();
      const known = toHoldfastError(error);
      context.run.log.warn("a source could not be measured", { source: source.name, error: known.name });
      unmeasured.push(source);
      // One vault that cannot be read is one problem, however many sources keep their backups
      // there.
      failures.set(known.name, failures.get(known.name) ?? { operation: "watch", error: known });
    }
  }
  const blind = [...failures].map(([name, problem]): Observation => ({ problem, subjects: [name] }));
  return { sources, unmeasured, observations: [...blind, ...sources.flatMap(sightingsOf)] };
}

/** Breaches together, and what did not run together: at most two alerts a source. */
function sightingsOf({ source, findings, missedRuns, restoreTest, verification }: SourceStatus): readonly Observation[] {
  const silent = new Set<string>([
    ...(missedRuns.length > 0 ? ["schedule"] : []),
    ...(restoreTest.overdue ? ["restore-test"] : []),
    ...(verification.overdue ? ["verification"] : []),
  ]);
  // Damage is told by itself (tellDamage).
  const breaches = findings.filter(({ level, subject }) => level === "breach" && subject !== "damage");
  const omissions = findings.filter(({ level, subject }) => level === "warning" && silent.has(subject));
  const observation = (name: "objective breached" | "overdue", found: SourceStatus["findings"]): readonly Observation[] =>
    found.length === 0
      ? []
      : [
          {
            problem: { source, outcome: { name, backupIds: [], findings: found.map(({ message }) => message) } },
            subjects: [...new Set(found.map(({ subject }) => subject))].sort(),
          },
        ];
  return [...observation("objective breached", breaches), ...observation("overdue", omissions)];
}

/** Alerts of the damaged backups of which nobody has; returns how many alerts were sent. */
async function tellDamage(
  context: PipelineContext,
  { source, damaged, findings }: SourceStatus,
  { memory, tell, invocation = "holdfast" }: Pick<WatchOptions, "memory" | "tell" | "invocation">,
): Promise<number> {
  const told = await listDamageTold(memory, source, context.run.signal);
  await forgetDamageTold(
    memory,
    source,
    [...told].filter((id) => !damaged.includes(id)),
  );
  // Newest last, as in every alert; the status has them the other way round.
  const untold = damaged.filter((id) => !told.has(id)).reverse();
  if (untold.length === 0) return 0;
  const found = untold.map((id) => findings.find(({ subject, message }) => subject === "damage" && message.includes(id)));
  const messages = found.flatMap((finding) => finding?.message ?? []);
  const problem: AlertableProblem = { source, outcome: { name: "damaged", backupIds: untold, findings: messages } };
  const [alert] = await alertsFor(context, [problem], { since: context.run.clock.now(), invocation });
  if (alert === undefined) return 0;
  await tell(alert);
  await noteDamageTold(memory, source, untold, context.run);
  return 1;
}

interface News {
  readonly items: readonly {
    readonly key: string;
    readonly alert: Alert;
    readonly count: "told" | "recovered";
    /** What to keep in mind once it is told; absent: nothing more. */
    readonly told?: Told | undefined;
  }[];
  readonly unchanged: Memory;
}

async function chooseNews(
  context: PipelineContext,
  memory: Memory,
  { observations, unseen }: Look,
  invocation: string,
): Promise<News> {
  const now = context.run.clock.now();
  const items: News["items"][number][] = [];
  const unchanged: Record<string, Told> = {};
  const seen = new Set<string>();
  for (const { problem, subjects } of observations) {
    const key = keyOf(problem);
    seen.add(key);
    const before = memory[key];
    if (before !== undefined && !isNews(before, subjects, now)) {
      unchanged[key] = before;
      continue;
    }
    const since = before?.since ?? now.toISOString();
    const [alert] = await alertsFor(context, [problem], { since: new Date(since), invocation });
    if (alert !== undefined) items.push({ key, alert, count: "told", told: { subjects, since, toldAt: now.toISOString(), alert } });
  }
  const blind = new Set(unseen);
  for (const [key, before] of Object.entries(memory)) {
    if (seen.has(key)) continue;
    const { source } = before.alert;
    // Of a source that could not be measured nothing is known to be over; one that left the policy
    // concerns nobody.
    if (source === undefined ? unseen.length > 0 : blind.has(source)) unchanged[key] = before;
    else if (source === undefined || Object.hasOwn(context.policy.sources, source))
      items.push({ key, alert: await recoveryOf(context, before, invocation), count: "recovered" });
  }
  return { items, unchanged };
}

/** Something further was found, or a day has passed. */
function isNews({ subjects: told, toldAt }: Told, subjects: readonly string[], now: Date): boolean {
  return subjects.some((subject) => !told.includes(subject)) || now.getTime() - Date.parse(toldAt) >= repeatMs;
}

async function recoveryOf(context: PipelineContext, { alert }: Told, invocation: string): Promise<Alert> {
  const about = await gatherAlertContext(context, {
    run: context.run.identity,
    invocation,
    source: alert.source,
  });
  return recoveryNotice(alert, about);
}

function keyOf(problem: AlertableProblem): string {
  const what = "outcome" in problem ? problem.outcome.name : problem.error.name;
  return `${problem.source ?? "*"}/${what}`;
}
