/**
 * Whether IAM lets a request through: an own reading of "Policy evaluation logic" (IAM user guide)
 * for requests within an account and across two, without service control policies. What it does not
 * know it refuses to judge.
 */
import type { Statement } from "./template-model.ts";

export interface Request {
  /** The caller's role, or the root of an account. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** Keys of the request's own; those of the caller are added. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Policies {
  /** Of the caller's role. */
  readonly identity: readonly Statement[];
  /** Of the bucket or the key. */
  readonly resource: readonly Statement[];
  /** Whose bucket or key it is. */
  readonly owner: string;
}

/** The statements by which IAM allows it; empty: it is denied. */
export function allowing(request: Request, { identity, resource, owner }: Policies): readonly Statement[] {
  const named = resource.filter(({ Principal }) => isFor(Principal, request.principal));
  const all = [...identity, ...named].filter((statement) => applies(statement, request));
  if (all.some(({ Effect }) => Effect === "Deny")) return [];
  const own = all.filter((statement) => identity.includes(statement));
  const others = all.filter((statement) => !identity.includes(statement));
  const isForeign = accountOf(request.principal) !== owner;
  // A key's policy counts even in its own account (KMS developer guide, "Key policies in AWS KMS").
  const needsBoth = isForeign || request.action.startsWith("kms:");
  if (needsBoth) return own.length > 0 && others.length > 0 ? all : [];
  return all;
}

const accountOf = (arn: string): string => arn.split(":")[4] ?? "";

function isFor(principal: unknown, caller: string): boolean {
  if (principal === "*") return true;
  const named = [(principal as { readonly AWS?: string | readonly string[] } | undefined)?.AWS ?? []].flat();
  return named.some(
    (each) => each === "*" || each === caller || each === caller.replace(/^(arn:[^:]+:iam::\d{12}):.*$/, "$1:root"),
  );
}

function applies({ Action, Resource, Condition = {} }: Statement, request: Request): boolean {
  return (
    Action.some((pattern) => isLike(pattern.toLowerCase(), request.action.toLowerCase())) &&
    Resource.some((pattern) => isLike(pattern, request.resource)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, expected]) => holds(operator, contextValue(request, key), [expected].flat().map(String))),
    )
  );
}

/** Names of keys in a condition are compared without regard to case. */
function contextValue({ principal, context = {} }: Request, key: string): readonly string[] | undefined {
  const known = { "aws:PrincipalArn": principal, "aws:PrincipalAccount": accountOf(principal), ...context };
  const found = Object.entries(known).find(([name]) => name.toLowerCase() === key.toLowerCase());
  return found === undefined ? undefined : [found[1]].flat();
}

type Comparison = (actual: string, expected: string) => boolean;
const comparisons: Readonly<Record<string, Comparison>> = {
  StringEquals: (actual, expected) => actual === expected,
  Bool: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  StringLike: (actual, expected) => isLike(expected, actual),
  ArnLike: isArnLike,
  NumericGreaterThan: (actual, expected) => Number(actual) > Number(expected),
};

/** Operators that negate another one. */
const negations: Readonly<Record<string, string>> = { StringNotEquals: "StringEquals", ArnNotLike: "ArnLike" };

/** A key that is missing matches no operator but those that negate, and `Null`. */
function holds(operator: string, actual: readonly string[] | undefined, expected: readonly string[]): boolean {
  if (operator === "Null") return expected.includes(String(actual === undefined));
  const [first, second] = operator.split(":");
  const name = second ?? first ?? "";
  const negated = name in negations;
  const compare = comparisons[negations[name] ?? name];
  if (compare === undefined || !["ForAnyValue", "ForAllValues", name].includes(first ?? ""))
    throw new Error(`what ${operator} means is not known here`);
  const one = (value: string): boolean => expected.some((each) => compare(value, each)) !== negated;
  if (first === "ForAllValues") return (actual ?? []).every(one);
  if (actual === undefined) return first === "ForAnyValue" ? false : negated;
  return actual.some(one);
}

/** Each of the six parts for itself: no wildcard goes beyond a colon. */
function isArnLike(actual: string, expected: string): boolean {
  const split = (arn: string): string[] => [...arn.split(":").slice(0, 5), arn.split(":").slice(5).join(":")];
  return split(expected).every((part, index) => isLike(part, split(actual)[index] ?? ""));
}

function isLike(pattern: string, text: string): boolean {
  const escaped = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "s").test(text);
}
