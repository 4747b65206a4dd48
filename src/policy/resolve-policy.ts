/** Makes a policy out of a written one: names for defaults, absolute paths, objectives of the tiers. */
import { isAbsolute, join, resolve } from "node:path";
import { checkLocks } from "./check-locks.ts";
import { defaultName, tierObjectives } from "./defaults.ts";
import type { Parsed } from "./parsed.ts";
import type {
  AlertChannel,
  Assertion,
  FilesSource,
  KeyConfig,
  KeyReference,
  Policy,
  PostgresSource,
  Retention,
  SecretReference,
  SourceBase,
  SourceConfig,
  VaultConfig,
} from "./policy.ts";
import type { WrittenPolicy } from "./policy-schema.ts";
import type { PolicyPath, Problem } from "./problem.ts";

/** Where relative paths begin, and what `~` is. */
export interface Places {
  /** Absolute: the policy file's own directory. */
  readonly directory: string;
  /** Absolute; absent where there is no user, and `~` is refused. */
  readonly home?: string;
}

type WrittenSource = WrittenPolicy["sources"][string];
type WrittenOf<E extends WrittenSource["engine"]> = Extract<WrittenSource, { engine: E }>;

/** The policy, or the problems that only show once places are known. References must have been checked. */
export function resolvePolicy(
  written: WrittenPolicy,
  sha256: string,
  places: Places,
): Policy | { readonly problems: readonly Problem[] } {
  const paths = new PathResolver(places);
  const policy: Policy = {
    version: written.version,
    timezone: written.timezone,
    vaults: mapRecord(written.vaults, (vault, name) => resolveVault(vault, name, paths)),
    keys: mapRecord(written.keys, (key, name) => resolveKey(key, name, paths)),
    sources: mapRecord(written.sources, (source, name) => resolveSource(source, name, written, paths)),
    ...resolveTargets(written.restoreTargets, paths),
    alerts: mapDefined(written.alerts, (channels, severity) =>
      channels.map((channel, index) => resolveChannel(channel, ["alerts", severity, index], paths)),
    ),
    sha256,
  };
  const problems = [...paths.problems, ...checkLocks(policy)];
  return problems.length > 0 ? { problems } : policy;
}

function resolveTargets(
  written: WrittenPolicy["restoreTargets"],
  paths: PathResolver,
): Pick<Policy, "restoreTargets"> | Record<string, never> {
  if (written === undefined) return {};
  return { restoreTargets: mapRecord(written, (target, name) => paths.resolveSecret(target, ["restoreTargets", name])) };
}

/** Resolves paths, and gathers the problems of those that cannot be. */
class PathResolver {
  readonly problems: Problem[] = [];
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  resolve(path: string, at: PolicyPath): string {
    const resolved = resolvePath(path, this.#places);
    if ("value" in resolved) return resolved.value;
    this.problems.push({ path: at, message: resolved.problem, anchor: "value" });
    return path;
  }

  resolveSecret(reference: SecretReference, at: PolicyPath): SecretReference {
    return reference.from === "file" ? { from: "file", path: this.resolve(reference.path, at) } : reference;
  }
}

function resolvePath(path: string, places: Places): Parsed<string> {
  if (path !== "~" && !path.startsWith("~/")) return { value: isAbsolute(path) ? resolve(path) : resolve(places.directory, path) };
  if (places.home === undefined)
    return { problem: "~ means nothing here, because there is no home directory; write the path in full" };
  return { value: join(places.home, path.slice(1)) };
}

function resolveVault(written: WrittenPolicy["vaults"][string], name: string, paths: PathResolver): VaultConfig {
  if (written.type === "folder") return { name, type: "folder", path: paths.resolve(written.path, ["vaults", name]) };
  return withoutUndefined({ ...written, name });
}

function resolveKey(written: WrittenPolicy["keys"][string], name: string, paths: PathResolver): KeyConfig {
  const one = (reference: KeyReferenceWritten): KeyReference => {
    if (reference.type === "file") return { type: "file", path: paths.resolve(reference.path, ["keys", name]) };
    const { rotation, ...kms } = { rotation: undefined, ...reference };
    return withoutUndefined({ ...kms, rotationDays: rotation });
  };
  // The schema demands at least one key in a list.
  const keys = (Array.isArray(written) ? written.map(one) : [one(written)]) as [KeyReference, ...KeyReference[]];
  return { name, keys };
}

type KeyReferenceWritten = Exclude<WrittenPolicy["keys"][string], readonly unknown[]>;

function resolveSource(written: WrittenSource, name: string, policy: WrittenPolicy, paths: PathResolver): SourceConfig {
  const base = resolveBase(written, name, policy);
  return written.engine === "postgres" ? resolvePostgres(written, base, paths) : resolveFiles(written, base, paths);
}

function resolveBase(written: WrittenSource, name: string, policy: WrittenPolicy): Omit<SourceBase, "restoreTest"> {
  const tier = tierObjectives[written.tier];
  const { window, ...schedules } = written.backup;
  return withoutUndefined({
    name,
    vault: written.vault ?? onlyName(policy.vaults),
    key: written.key ?? onlyName(policy.keys),
    tier: written.tier,
    objectives: { rpoSeconds: written.objectives.rpo ?? tier.rpoSeconds, rtoSeconds: written.objectives.rto ?? tier.rtoSeconds },
    schedules: withoutUndefined(schedules),
    windowSeconds: window,
    retention: resolveRetention(written.retention),
    verify: withoutUndefined({
      schedule: written.verify.schedule,
      maxDropShare: written.verify.maxDrop,
      volatile: written.verify.volatile ?? [],
    }),
    sizeBytes: written.size,
  });
}

function resolvePostgres(
  written: WrittenOf<"postgres">,
  base: Omit<SourceBase, "restoreTest">,
  paths: PathResolver,
): PostgresSource {
  return {
    ...base,
    engine: "postgres",
    connection: paths.resolveSecret(written.connection, ["sources", base.name, "connection"]),
    exclude: { tables: written.exclude.tables ?? [], data: written.exclude.data ?? [] },
    sourceCheck: written.sourceCheck,
    rolePasswords: written.rolePasswords,
    restoreTest: withoutUndefined({
      schedule: written.restoreTest.schedule,
      assertions: (written.restoreTest.assert ?? []).map(resolveAssertion),
      sandbox: written.restoreTest.sandbox,
      maxDurationSeconds: written.restoreTest.maxDuration,
      foreignServers: written.restoreTest.foreignServers || undefined,
      withoutExtensions: written.restoreTest.withoutExtensions,
    }),
  };
}

function resolveFiles(written: WrittenOf<"files">, base: Omit<SourceBase, "restoreTest">, paths: PathResolver): FilesSource {
  return {
    ...base,
    engine: "files",
    path: paths.resolve(written.path, ["sources", base.name, "path"]),
    include: written.include ?? [],
    exclude: written.exclude ?? [],
    ...(written.maxHoles === undefined ? {} : { maxHoleBytes: written.maxHoles }),
    restoreTest: withoutUndefined({
      schedule: written.restoreTest.schedule,
      assertions: [],
      maxDurationSeconds: written.restoreTest.maxDuration,
    }),
  };
}

function resolveRetention(written: WrittenSource["retention"]): Retention {
  const { keepWithin, minAge, kinds, maxRemoval, ...counts } = written;
  return withoutUndefined({
    ...counts,
    minAgeSeconds: minAge,
    keepWithinSeconds: keepWithin,
    kinds: kinds === undefined ? undefined : mapDefined(kinds, (seconds) => ({ keepWithinSeconds: seconds })),
    maxRemovalShare: maxRemoval,
  });
}

type AssertionWritten = NonNullable<WrittenOf<"postgres">["restoreTest"]["assert"]>[number];

function resolveAssertion({ sql, name, equals, atLeast, atMost }: AssertionWritten): Assertion {
  const base = { name: name ?? sql.replaceAll(/\s+/g, " "), sql };
  if (equals !== undefined) return { ...base, expect: { equals } };
  return { ...base, expect: atLeast !== undefined ? { atLeast } : { atMost: atMost ?? 0 } };
}

function resolveChannel(channel: AlertChannel, at: PolicyPath, paths: PathResolver): AlertChannel {
  return channel.type === "slack" ? { type: "slack", webhook: paths.resolveSecret(channel.webhook, at) } : channel;
}

function onlyName(mapping: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(mapping);
  return names.length === 1 ? (names[0] ?? defaultName) : defaultName;
}

/** A record without a prototype, so that looking up a name such as `constructor` finds nothing that is not in it. */
function mapRecord<T, U>(record: Readonly<Record<string, T>>, make: (value: T, name: string) => U): Record<string, U> {
  const result: Record<string, U> = Object.create(null);
  for (const [name, value] of Object.entries(record)) result[name] = make(value, name);
  return result;
}

function mapDefined<K extends string, T, U>(
  record: Readonly<Partial<Record<K, T | undefined>>>,
  make: (value: T, name: K) => U,
): Partial<Record<K, U>> {
  const entries = Object.entries(record) as [K, T | undefined][];
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, make(value, name)]])),
  ) as Partial<Record<K, U>>;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** `object` without its undefined properties. */
function withoutUndefined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
