/**
 * What each backup of a source builds on, and how far it can be relied on with all of that: from
 * keys alone, by the rules of the engine's kinds and the order of ids. A manifest's own base
 * decides where it is read (examine-backup.ts).
 */
import type { BackupKind, BaseRules } from "../policy/policy.ts";
import { inheritDoubt, noBase, type Standing } from "../proof/standing.ts";
import { stateOf } from "./backup-state.ts";
import type { BackupEntry } from "./catalogue.ts";

/** An entry as the chain bears it out. */
interface Link {
  readonly entry: BackupEntry;
  readonly base: Link | undefined;
  /** When it was found damaged, it or what it builds on, and never good since; else never. */
  readonly badSince: string;
}

const never = "~";

/** Whether any kind of these rules builds on another backup. */
export function hasChains(rules: BaseRules): boolean {
  return Object.keys(rules).length > 0;
}

/**
 * The entries of one source, oldest first, with `base` and with the state that all they build on
 * leaves them. `bases` are what manifests said, by id; for the others the base is the one that a
 * dump would have chosen: the newest of the kinds of its rule that was not known to be damaged
 * then.
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
  const sound = { full: [] as Link[], noLog: [] as Link[], all: [] as Link[] };
  return entries.map((entry) => {
    const said = bases.get(entry.id);
    const candidates = candidatesOf(entry.kind, rules, sound);
    const base = said === undefined ? newestSound(candidates, entry) : byId.get(said ?? "");
    const badSince = [findBadSince(entry), base?.badSince ?? never].sort()[0] ?? never;
    const link = { entry, base, badSince };
    byId.set(entry.id, link);
    if (entry.future) return link;
    sound.all.push(link);
    if (entry.kind !== "log") sound.noLog.push(link);
    if (entry.kind === "full") sound.full.push(link);
    return link;
  });
}

type Candidates = Readonly<Record<"full" | "noLog" | "all", Link[]>>;

/** Only a log goes on from a log: others need a backup that they can be compared with. */
function candidatesOf(kind: BackupKind, rules: BaseRules, sound: Candidates): Link[] {
  const buildsOn = rules[kind];
  if (buildsOn === undefined) return [];
  if (buildsOn === "latest-full") return sound.full;
  return kind === "log" ? sound.all : sound.noLog;
}

function newestSound(candidates: Link[], { startedAt }: BackupEntry): Link | undefined {
  const at = startedAt.toISOString();
  for (;;) {
    const newest = candidates.at(-1);
    if (newest === undefined || newest.badSince > at) return newest;
    candidates.pop();
  }
}

function findBadSince({ state, checks }: BackupEntry): string {
  if (state !== "damaged") return never;
  const names = checks.map(({ check }) => check);
  return checks.findLast((_, count) => stateOf(names.slice(0, count)).state !== "damaged")?.at ?? "";
}

/** Why a backup is worth less than its own checks say, in words; undefined where it is not. */
export function describeInherited({ own, base, state, suspicious }: BackupEntry): string | undefined {
  if (own === undefined || base === undefined) return undefined;
  if (base === "") return "what it builds on is missing";
  if (state === "damaged" && own.state !== "damaged") return `it builds on ${base}, which is damaged or missing`;
  if (state === "stored" && own.state !== "stored") return `it builds on ${base}, which is not verified`;
  return own.suspicious === suspicious ? undefined : `it builds on ${base}, which is suspicious`;
}
