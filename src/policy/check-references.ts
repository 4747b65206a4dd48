/**
 * Looks at what a schema cannot see: names that refer to each other, secrets in places where any
 * text may stand.
 */
import * as z from "zod";
import { defaultName } from "./defaults.ts";
import { type EnginePolicies, type EnginePolicy, findEngine } from "./engine-policy.ts";
import { didYouMean, nearestName } from "./nearest-name.ts";
import type { PolicyPath, Problem } from "./problem.ts";
import { secretFormName } from "./schema-places.ts";
import { findSecret, showValue } from "./secret-text.ts";

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Problems of sources that name a vault or a key that does not exist, or need to name one. Looks at
 * the policy as it is written, so that these show beside all others.
 */
export function checkReferences(policy: unknown): Problem[] {
  if (!isMapping(policy) || !isMapping(policy["sources"])) return [];
  return Object.entries(policy["sources"]).flatMap(([name, source]) =>
    isMapping(source) ? [...checkReference(policy, name, source, "vault"), ...checkReference(policy, name, source, "key")] : [],
  );
}

function checkReference(policy: Mapping, name: string, source: Mapping, what: "vault" | "key"): Problem[] {
  const mapping = policy[`${what}s`];
  const names = isMapping(mapping) ? Object.keys(mapping) : [];
  // Without any vault or key, the missing mapping is the problem, not the reference to it.
  if (names.length === 0) return [];
  const path = ["sources", name, what];
  const written = source[what];
  if (typeof written === "string") {
    if (names.includes(written)) return [];
    return [
      {
        path,
        message: `there is no ${what} ${showValue(written)}; one of ${names.join(", ")}${didYouMean(written, names)}`,
        anchor: "value",
      },
    ];
  }
  if (written !== undefined || names.length === 1 || names.includes(defaultName)) return [];
  const message = `is required: there are ${names.length} ${what}s and none of them is called ${defaultName}; one of ${names.join(", ")}`;
  return [{ path, message, anchor: "value" }];
}

/** Secrets that stand in the policy, wherever they stand: in values and in keys. */
export function checkSecrets(value: unknown, engines: EnginePolicies, path: PolicyPath = []): Problem[] {
  if (typeof value === "string") {
    const secret = findSecret(value);
    if (secret === undefined) return [];
    return [{ path, message: `${secret} does not stand in the policy; ${secretRemedy(path, engines)}`, anchor: "value" }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => checkSecrets(item, engines, [...path, index]));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const secret = findSecret(key);
    const found: Problem[] =
      secret === undefined
        ? []
        : [{ path: [...path, key], message: `${secret} does not stand in the policy; take it out`, anchor: "key" }];
    return [...found, ...checkSecrets(item, engines, [...path, key])];
  });
}

function secretRemedy(path: PolicyPath, engines: EnginePolicies): string {
  if (path[0] === "restoreTargets" || isReference(path, engines))
    return "name where it stands: env:NAME, file:PATH, service:NAME or secret:ID";
  if (path[0] === "alerts") return "name where it stands: slack:env:NAME, slack:file:PATH or slack:secret/ID";
  if (path[0] === "vaults" || path[0] === "keys") return "the AWS credential chain or a key file provides it";
  return "take it out, and change it if the file was ever shared";
}

/**
 * Whether what stands at this path of a source is a reference to a secret, for any of the engines.
 */
function isReference([top, , key]: PolicyPath, engines: EnginePolicies): boolean {
  if (top !== "sources" || typeof key !== "string") return false;
  return engines.some(({ schema }) => {
    const form = schema.shape[key];
    const written = form === undefined ? undefined : z.toJSONSchema(form as z.ZodType, { io: "input" });
    return [written, ...(written?.anyOf ?? [])].some((each) => each?.["form"] === secretFormName);
  });
}

/**
 * The policy with every source's engine made one that exists, so that a typo there does not hide
 * the source's other problems; and the problems of the engines so replaced.
 */
export function assumeEngines(
  policy: unknown,
  engines: EnginePolicies,
): { readonly policy: unknown; readonly problems: readonly Problem[] } {
  if (!isMapping(policy) || !isMapping(policy["sources"])) return { policy, problems: [] };
  const problems: Problem[] = [];
  const sources: Record<string, unknown> = Object.create(null);
  for (const [name, source] of Object.entries(policy["sources"])) {
    if (!isMapping(source) || findEngine(engines, source["engine"]) !== undefined) {
      sources[name] = source;
      continue;
    }
    problems.push({ path: ["sources", name, "engine"], message: engineProblem(source["engine"], engines), anchor: "value" });
    sources[name] = assumeEngine(source, engines);
  }
  return { policy: problems.length === 0 ? policy : { ...policy, sources }, problems };
}

function engineProblem(engine: unknown, engines: EnginePolicies): string {
  const names = engines.map(({ name }) => name);
  const list = names.join(", ");
  if (engine === undefined || engine === null) return `is required: write one of ${list}`;
  const guess = typeof engine === "string" ? didYouMean(engine, names) : "";
  return `${showValue(engine)} is not allowed; one of ${list}${guess}`;
}

/**
 * A source as one of the engine that is nearly named, else of the engine that its keys suggest,
 * without demanding that engine's own keys.
 */
function assumeEngine(source: Mapping, engines: EnginePolicies): Mapping {
  const { engine } = source;
  const names = engines.map(({ name }) => name);
  const nearest = typeof engine === "string" ? findEngine(engines, nearestName(engine, names)) : undefined;
  if (nearest !== undefined) return { ...source, engine: nearest.name };
  const score = ({ schema }: EnginePolicy): number => Object.keys(source).filter((key) => key in schema.shape).length;
  const guessed = engines.reduce((best, each) => (score(each) > score(best) ? each : best));
  return { ...samplesOf(guessed, engines), ...source, engine: guessed.name };
}

/** Samples of the keys that this engine demands and others do not have. */
function samplesOf({ schema }: EnginePolicy, engines: EnginePolicies): Mapping {
  const own = Object.entries(schema.shape).filter(([key]) => !engines.every((engine) => key in engine.schema.shape));
  return Object.fromEntries(
    own.flatMap(([key, form]) => {
      const type = form as z.ZodType;
      const [sample] = (type.meta()?.["samples"] ?? []) as readonly unknown[];
      return sample === undefined || type.safeParse(undefined).success ? [] : [[key, sample]];
    }),
  );
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
