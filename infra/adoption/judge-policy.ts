/**
 * Whether a bucket's policy denies all that the stack would have had it deny, and lets nobody else
 * in. Pure.
 */
import type { StoreFinding } from "../../src/vault/object-store.ts";

const subject = "bucket policy";

export interface PolicyStatement {
  readonly Sid?: unknown;
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly Condition?: unknown;
}

/** The statements of a policy's text; none where it is not one. */
export function statementsOf(policy: string | undefined): PolicyStatement[] {
  if (policy === undefined) return [];
  try {
    const { Statement } = JSON.parse(policy) as { readonly Statement?: unknown };
    return [Statement].flat().filter((each): each is PolicyStatement => typeof each === "object" && each !== null);
  } catch {
    return [];
  }
}

/**
 * A finding for each denial that is missing, and for each statement that lets someone of another
 * account change the bucket. `accountId`: whose bucket it is.
 */
export function judgePolicy(
  bucket: string,
  wanted: readonly PolicyStatement[],
  found: readonly PolicyStatement[],
  accountId: string,
): StoreFinding[] {
  const denials = wanted.filter(({ Effect }) => Effect === "Deny");
  const grants = wanted.filter(({ Effect }) => Effect === "Allow");
  return [
    ...grants
      .filter((each) => !found.some((one) => grantsAll(one, each)))
      .map(
        ({ Sid }): StoreFinding => ({
          level: "error",
          subject,
          message: `the right ${String(Sid)} of the stacks that use the vault is missing or narrower`,
          remedy: "Deploy serverless.vault.yml with the policy and the stacks of today.",
        }),
      ),
    ...denials
      .filter((each) => !found.some((one) => covers(one, each)))
      .map(
        (statement): StoreFinding => ({
          level: "error",
          subject,
          message: `the denial ${String(statement.Sid)} is missing`,
          remedy: `Add ${JSON.stringify(statement)} to the statements: aws s3api get-bucket-policy and put-bucket-policy --bucket ${bucket}.`,
        }),
      ),
    ...found
      .filter((one) => letsOthersIn(one, accountId) && !grants.some((each) => isAlike(one, each)))
      .map((one) => intruder(bucket, one)),
  ];
}

function intruder(bucket: string, { Sid, Principal }: PolicyStatement): StoreFinding {
  return {
    level: "error",
    subject,
    message: `the statement ${JSON.stringify(Sid ?? "without a Sid")} lets ${JSON.stringify(Principal)} do more than read`,
    remedy: `Take it out: aws s3api get-bucket-policy and put-bucket-policy --bucket ${bucket}.`,
  };
}

/** Whether `one` denies at least what `wanted` denies. */
function covers(one: PolicyStatement, wanted: PolicyStatement): boolean {
  return (
    one.Effect === "Deny" &&
    isEverybody(one.Principal) &&
    textsOf(wanted.Action).every((action) =>
      textsOf(one.Action).some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())),
    ) &&
    textsOf(wanted.Resource).every((resource) => textsOf(one.Resource).some((pattern) => matches(pattern, resource))) &&
    (hasNoCondition(one) || sameConditions(one.Condition, wanted.Condition))
  );
}

/** Whether `one` lets all do what `wanted` lets them: it may name further stacks. */
function grantsAll(one: PolicyStatement, wanted: PolicyStatement): boolean {
  const names = principalsOf(one);
  return isAlike(one, wanted) && principalsOf(wanted).every((each) => names.includes(each));
}

/** The same actions, resources and conditions, for whom ever. */
function isAlike(one: PolicyStatement, wanted: PolicyStatement): boolean {
  const shape = ({ Effect, Action, NotAction, Resource, Condition }: PolicyStatement): string => {
    const { ArnLike: _who, ...conditions } = (Condition ?? {}) as Readonly<Record<string, unknown>>;
    return JSON.stringify([
      Effect,
      NotAction ?? null,
      textsOf(Action).toSorted(),
      textsOf(Resource).toSorted(),
      canonical(conditions),
    ]);
  };
  return shape(one) === shape(wanted);
}

/** Accounts and roles, those of the condition too: their account alone may stand for all of it. */
function principalsOf({ Principal, Condition }: PolicyStatement): string[] {
  const { ArnLike } = (Condition ?? {}) as { readonly ArnLike?: Readonly<Record<string, unknown>> };
  const arns = ArnLike === undefined ? ["*"] : textsOf(ArnLike["aws:PrincipalArn"]);
  return [...textsOf((Principal as { readonly AWS?: unknown } | null | undefined)?.AWS), ...arns];
}

const hasNoCondition = ({ Condition }: PolicyStatement): boolean => Condition === undefined || canonical(Condition) === "{}";

const textsOf = (value: unknown): string[] => [value].flat().filter((each): each is string => typeof each === "string");

/** S3 gives back `*` as it was written, or as `{"AWS": "*"}`. */
function isEverybody(principal: unknown): boolean {
  if (principal === "*") return true;
  return textsOf((principal as { readonly AWS?: unknown } | null | undefined)?.AWS).includes("*");
}

/**
 * `pattern` with IAM's wildcards takes in every text that `text`, which may have some too, does.
 */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .split("*")
    .map((part) => part.split("?").map(escapeExpression).join("[^*]"))
    .join(".*");
  return new RegExp(`^${source}$`, "s").test(text);
}

const escapeExpression = (text: string): string => text.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");

const sameConditions = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other);

/**
 * Operators and keys in an order of their own, a single value as a list; names of keys in small
 * letters.
 */
function canonical(condition: unknown): string {
  const operators = Object.entries((condition ?? {}) as Record<string, Record<string, unknown>>).map(([operator, keys]) => [
    operator,
    Object.entries(keys)
      .map(([key, value]) => [key.toLowerCase(), [value].flat().map(String).toSorted()] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return JSON.stringify(operators.length === 0 ? {} : operators.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

/**
 * S3 authorizes reading by these actions; whatever else a statement allows can change the bucket.
 */
const readingOnly = /^s3:(Get|List)[A-Za-z*]*$/;

function letsOthersIn(statement: PolicyStatement, accountId: string): boolean {
  const { Effect, Action, NotAction } = statement;
  if (Effect !== "Allow") return false;
  if (NotAction === undefined && textsOf(Action).every((action) => readingOnly.test(action))) return false;
  return othersAmong(statement, accountId);
}

/** AWS's own services act for the account; everyone else is named by an account, or is anyone. */
function othersAmong({ Principal, NotPrincipal }: PolicyStatement, accountId: string): boolean {
  if (NotPrincipal !== undefined || isEverybody(Principal)) return true;
  const { Service: _service, AWS, ...others } = (Principal ?? {}) as Readonly<Record<string, unknown>>;
  const own = new RegExp(`^(${accountId}|arn:[^:]+:(iam|sts)::${accountId}:.*)$`);
  return Object.keys(others).length > 0 || textsOf(AWS).some((principal) => !own.test(principal));
}
