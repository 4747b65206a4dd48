/**
 * What each backup of a source builds on, and how far it can be relied on with all of that: from
 * keys alone, by the rules of the engine's kinds and the order of ids. A manifest's own base
 * decides where it is read (examine-backup.ts).
 */
import type { BaseRules } from "../policy/policy.ts";
import { inheritDoubt, noBase, type Standing } from "../proof/standing.ts";
import { stateOf } from "./backup-state.ts";
import type { BackupEntry } from "./catalogue.ts";
import { isFirstLog } from "./layout.ts";

/** An entry as the chain bears it out. */
interface Link {
  readonly entry: BackupEntry;
  readonly base: Link | undefined;
  /** The first below it that is not a log; itself where it is none. */
  anchor?: Link | undefined;
  /** When it was itself found damaged, and never good since; else never. */
  readonly badSince: string;
}

const never = "~";

/**
 * How many links below a candidate a dump looks at (choose-base.ts): what was found further down is
 * no reason to build on another, and all that builds on it is damaged.
 */
export const maxLinksBelow = 30;

/** Whether any kind of these rules builds on another backup. */
export function hasChains(rules: BaseRules): boolean {
  return Object.keys(rules).length > 0;
}

/**
 * The entries of one source, oldest first, with `base` and with the state that all they build on
 * leaves them. `bases` are what manifests said, by id; for the others the base is the one that a
 * dump would have chosen: the newest of the kinds of its rule that was not known to be damaged
 * then. A log goes on from a log, unless its id says that it is the first on a backup of another
 * kind.
 */
export function resolveChains(
  entries: readonly BackupEntry[],
  rules: BaseRules,
  bases: ReadonlyMap<string, string | null> = new Map(),
): readonly BackupEntry[] {
  const links = linkEntries(entries, rules, bases);
  const standings = new Map<Link, Standing>();
  return links.map((link) => {
    const { entry, base } = link;
    const own = { state: entry.state, suspicious: entry.suspicious };
    const expected = expectedBase(link, rules, bases);
    const standing = expected === null ? own : inheritDoubt(own, (base && standings.get(base)) ?? noBase);
    standings.set(link, standing);
    return { ...entry, ...standing, own, ...(expected === null ? {} : { base: expected }) };
  });
}

/** The id; null for what stands alone; empty where there is nothing that it could build on. */
function expectedBase({ entry, base }: Link, rules: BaseRules, bases: ReadonlyMap<string, string | null>): string | null {
  const said = bases.get(entry.id);
  if (said !== undefined) return said;
  return rules[entry.kind] === undefined ? null : (base?.entry.id ?? "");
}

function linkEntries(entries: readonly BackupEntry[], rules: BaseRules, bases: ReadonlyMap<string, string | null>): Link[] {
  const byId = new Map<string, Link>();
  // Newest last. What is bad at one time is bad for whatever is made later, and leaves for good.
  const sound: Sound = { full: [], noLog: [], logs: [] };
  return entries.map((entry) => {
    const said = bases.get(entry.id);
    const base = said === undefined ? guessBase(entry, rules, sound) : byId.get(said ?? "");
    const link: Link = { entry, base, badSince: findBadSince(entry) };
    link.anchor = entry.kind === "log" ? base?.anchor : link;
    byId.set(entry.id, link);
    if (entry.future) return link;
    if (entry.kind === "log") sound.logs.push(link);
    else sound.noLog.push(link);
    if (entry.kind === "full") sound.full.push(link);
    return link;
  });
}

type Sound = Readonly<Record<"full" | "noLog" | "logs", Link[]>>;

/** Only a log goes on from a log: others need a backup that they can be compared with. */
function guessBase(entry: BackupEntry, rules: BaseRules, sound: Sound): Link | undefined {
  const buildsOn = rules[entry.kind];
  if (buildsOn === undefined) return undefined;
  if (buildsOn === "latest-full") return newestSound(sound.full, entry);
  if (entry.kind !== "log") return newestSound(sound.noLog, entry);
  const log = newestSound(sound.logs, entry);
  return isFirstLog(entry.id) ? guessAnchor(log, entry, sound.noLog) : log;
}

/**
 * Logs begin anew on the newest that the log before covers, as it was begun before that; or, where
 * they could not go on, on the newest of all.
 */
function guessAnchor(log: Link | undefined, entry: BackupEntry, candidates: Link[]): Link | undefined {
  const newest = newestSound(candidates, entry);
  if (log === undefined) return newest;
  const at = entry.startedAt.toISOString();
  const covered = candidates.findLast((link) => link.entry.id < log.entry.id && !isBad(link, at));
  return covered === undefined || covered === log.anchor ? newest : covered;
}

function newestSound(candidates: Link[], { startedAt }: BackupEntry): Link | undefined {
  const at = startedAt.toISOString();
  for (;;) {
    const newest = candidates.at(-1);
    if (!isBad(newest, at)) return newest;
    candidates.pop();
  }
}

/** Whether it, or what it builds on as far as a dump looks, was known to be damaged by then. */
function isBad(candidate: Link | undefined, at: string): boolean {
  let link = candidate;
  for (let below = 0; link !== undefined && below <= maxLinksBelow; below += 1) {
    if (link.badSince <= at) return true;
    link = link.base;
  }
  return false;
}

function findBadSince({ state, checks }: BackupEntry): string {
  if (state !== "damaged") return never;
  const names = checks.map(({ check }) => check);
  return checks.findLast((_, count) => stateOf(names.slice(0, count)).state !== "damaged")?.at ?? "";
}

/** Why a backup is worth less than its own checks say, in words; undefined where it is not. */
export function describeInherited({ own, base, state, suspicious }: BackupEntry): string | undefined {
  if (own === undefined) return undefined;
  if (base === "") return "what it builds on is missing";
  if (state === "damaged" && own.state !== "damaged") return `it builds on ${base}, which is damaged or missing`;
  if (state === "stored" && own.state !== "stored") return `it builds on ${base}, which is not verified`;
  return own.suspicious === suspicious ? undefined : `it builds on ${base}, which is suspicious`;
}
