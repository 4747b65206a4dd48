/** Looks at what a schema cannot see: names that refer to each other, secrets in places where any text may stand. */
import { defaultName, engineNames } from "./defaults.ts";
import { didYouMean, nearestName } from "./nearest-name.ts";
import type { PolicyPath, Problem } from "./problem.ts";
import { findSecret, showValue } from "./secret-text.ts";

type Mapping = Readonly<Record<string, unknown>>;

/** Problems of sources that name a vault or a key that does not exist, or need to name one. Looks at the policy as it is written, so that these show beside all others. */
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
export function checkSecrets(value: unknown, path: PolicyPath = []): Problem[] {
  if (typeof value === "string") {
    const secret = findSecret(value);
    if (secret === undefined) return [];
    return [{ path, message: `${secret} does not stand in the policy; ${secretRemedy(path)}`, anchor: "value" }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => checkSecrets(item, [...path, index]));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const secret = findSecret(key);
    const found: Problem[] =
      secret === undefined
        ? []
        : [{ path: [...path, key], message: `${secret} does not stand in the policy; take it out`, anchor: "key" }];
    return [...found, ...checkSecrets(item, [...path, key])];
  });
}

function secretRemedy(path: PolicyPath): string {
  if (path.includes("connection")) return "name where it stands: env:NAME, file:PATH, service:NAME or secret:ID";
  if (path[0] === "alerts") return "name where it stands: slack:env:NAME, slack:file:PATH or slack:secret/ID";
  if (path[0] === "vaults" || path[0] === "keys") return "the AWS credential chain or a key file provides it";
  return "take it out, and change it if the file was ever shared";
}

/**
 * The policy with every source's engine made one that exists, so that a typo there does not hide the source's other
 * problems; and the problems of the engines so replaced.
 */
export function assumeEngines(policy: unknown): { readonly policy: unknown; readonly problems: readonly Problem[] } {
  if (!isMapping(policy) || !isMapping(policy["sources"])) return { policy, problems: [] };
  const problems: Problem[] = [];
  const sources: Record<string, unknown> = Object.create(null);
  for (const [name, source] of Object.entries(policy["sources"])) {
    const engine = isMapping(source) ? source["engine"] : undefined;
    if (!isMapping(source) || engineNames.some((known) => known === engine)) {
      sources[name] = source;
      continue;
    }
    const list = engineNames.join(", ");
    const missing = engine === undefined || engine === null;
    const guess = typeof engine === "string" ? didYouMean(engine, engineNames) : "";
    const message = missing ? `is required: write one of ${list}` : `${showValue(engine)} is not allowed; one of ${list}${guess}`;
    problems.push({ path: ["sources", name, "engine"], message, anchor: "value" });
    const assumed = typeof engine === "string" ? nearestName(engine, engineNames) : undefined;
    sources[name] = assumed === undefined ? guessEngine(source) : { ...source, engine: assumed };
  }
  return { policy: problems.length === 0 ? policy : { ...policy, sources }, problems };
}

/** A source of an unknown engine as one of the engine that its keys suggest, without demanding that engine's own keys. */
function guessEngine(source: Mapping): Mapping {
  return "path" in source ? { ...source, engine: "files" } : { connection: "env:UNKNOWN", ...source, engine: "postgres" };
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
