/**
 * Makes a policy out of a written one: names for defaults, absolute paths, objectives of the tiers.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type Approvals, guardedActions } from "./approvals.ts";
import { checkLocks } from "./check-locks.ts";
import { defaultAuditKeepSeconds, defaultName, tierObjectives } from "./defaults.ts";
import { mapDefined, withoutUndefined } from "./defined.ts";
import { type CommonSource, type EnginePolicies, findEngine, traitsOf } from "./engine-policy.ts";
import { PathResolver, type Places } from "./path-resolver.ts";
import type { AlertChannel, KeyConfig, KeyReference, Policy, Retention, SourceConfig, VaultConfig } from "./policy.ts";
import type { WrittenPolicy } from "./policy-schema.ts";
import type { PolicyPath, Problem } from "./problem.ts";
import type { WrittenSource } from "./written-source.ts";

/**
 * The policy, or the problems that only show once places are known. References must have been
 * checked.
 */
export function resolvePolicy(
  written: WrittenPolicy,
  sha256: string,
  places: Places,
  engines: EnginePolicies,
): Policy | { readonly problems: readonly Problem[] } {
  const paths = new PathResolver(places);
  const policy: Policy = {
    version: written.version,
    timezone: written.timezone,
    vaults: mapRecord(written.vaults, (vault, name) => resolveVault(vault, name, paths)),
    keys: mapRecord(written.keys, (key, name) => resolveKey(key, name, paths)),
    sources: mapRecord(written.sources, (source, name) => resolveSource(source, name, written, engines, paths)),
    ...resolveTargets(written.restoreTargets, paths),
    alerts: mapDefined(written.alerts, (channels, severity) =>
      channels.map((channel, index) => resolveChannel(channel, ["alerts", severity, index], paths)),
    ),
    ...resolveApprovals(written.approvals),
    auditKeepSeconds: written.audit.keep ?? defaultAuditKeepSeconds,
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

function resolveApprovals(written: WrittenPolicy["approvals"]): { readonly approvals?: Approvals } {
  if (written === undefined) return {};
  const { of = guardedActions, expires, approvers = {} } = written;
  return {
    approvals: {
      of,
      expiresSeconds: expires,
      approvers: mapRecord(approvers, (approver) => {
        if (typeof approver === "string") return { publicKey: approver };
        const { publicKey, user, retired } = approver;
        return withoutUndefined({ publicKey, user, retiredAt: retired });
      }),
    },
  };
}

function resolveVault(written: WrittenPolicy["vaults"][string], name: string, paths: PathResolver): VaultConfig {
  if (written.type === "folder") return { name, type: "folder", path: paths.resolve(written.path, ["vaults", name]) };
  return withoutUndefined({ ...written, name });
}

function resolveKey(written: WrittenPolicy["keys"][string], name: string, paths: PathResolver): KeyConfig {
  const one = (reference: KeyReferenceWritten): KeyReference => {
    if (reference.type === "file") {
      return withoutUndefined({ publicKey: undefined, ...reference, path: paths.resolve(reference.path, ["keys", name]) });
    }
    const { rotation, ...kms } = { rotation: undefined, ...reference };
    return withoutUndefined({ ...kms, rotationDays: rotation });
  };
  // The schema demands at least one key in a list.
  const keys = (Array.isArray(written) ? written.map(one) : [one(written)]) as [KeyReference, ...KeyReference[]];
  return { name, keys };
}

type KeyReferenceWritten = Exclude<WrittenPolicy["keys"][string], readonly unknown[]>;

function resolveSource(
  written: WrittenSource,
  name: string,
  policy: WrittenPolicy,
  engines: EnginePolicies,
  paths: PathResolver,
): SourceConfig {
  const engine = findEngine(engines, written.engine);
  if (engine === undefined) throw new HoldfastError("Internal", `the schema let the engine "${written.engine}" pass`);
  const resolved = engine.resolve(written, resolveCommon(written, name, policy), paths);
  return { ...resolved, traits: traitsOf(engine), secrets: engine.secretsOf(resolved) };
}

function resolveCommon(written: WrittenSource, name: string, policy: WrittenPolicy): CommonSource {
  const tier = tierObjectives[written.tier];
  const { window, ...schedules } = written.backup;
  return withoutUndefined({
    name,
    engine: written.engine,
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
    restoreTest: withoutUndefined({
      schedule: written.restoreTest.schedule,
      maxDurationSeconds: written.restoreTest.maxDuration,
    }),
    sizeBytes: written.size,
  });
}

function resolveRetention(written: WrittenSource["retention"]): Retention {
  const { keepWithin, recoveryWindow, minAge, kinds, maxRemoval, ...counts } = written;
  return withoutUndefined({
    ...counts,
    minAgeSeconds: minAge,
    keepWithinSeconds: keepWithin,
    recoveryWindowSeconds: recoveryWindow,
    kinds: kinds === undefined ? undefined : mapDefined(kinds, (seconds) => ({ keepWithinSeconds: seconds })),
    maxRemovalShare: maxRemoval,
  });
}

function resolveChannel(channel: AlertChannel, at: PolicyPath, paths: PathResolver): AlertChannel {
  return channel.type === "slack" ? { type: "slack", webhook: paths.resolveSecret(channel.webhook, at) } : channel;
}

function onlyName(mapping: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(mapping);
  return names.length === 1 ? (names[0] ?? defaultName) : defaultName;
}

/**
 * A record without a prototype, so that looking up a name such as `constructor` finds nothing that
 * is not in it.
 */
function mapRecord<T, U>(record: Readonly<Record<string, T>>, make: (value: T, name: string) => U): Record<string, U> {
  const result: Record<string, U> = Object.create(null);
  for (const [name, value] of Object.entries(record)) result[name] = make(value, name);
  return result;
}
