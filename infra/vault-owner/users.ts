/**
 * Who of other accounts uses the vault: stacks, by the path under which their roles are, and people
 * who read.
 */
import { refuse } from "../refusals.ts";

export interface VaultUsers {
  /** Of each stack: `arn:aws:iam::111111111111:role/holdfast-prod/eu-central-1`. */
  readonly stacks: readonly string[];
  /** Roles and users that may read from a desk, by their ARNs. */
  readonly readers: readonly string[];
}

const stackPath = /^arn:aws[a-z-]*:iam::\d{12}:role\/holdfast-[a-z0-9]{1,10}\/[a-z0-9-]+$/;
/** No wildcards: they would say more than one name. */
const reader = /^arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]{1,576}$/;

/** The parameters. Errors: UsageInvalid. */
export function readUsers(stacks: string, readers: string): VaultUsers {
  const users = { stacks: listOf(stacks), readers: listOf(readers) };
  const example =
    "Give --param=stacks=arn:aws:iam::ACCOUNT:role/holdfast-STAGE/REGION: account, stage and region of the stack that backs up.";
  if (users.stacks.length === 0) throw refuse("no stack is named that uses the vault", example);
  const wrong = users.stacks.find((each) => !stackPath.test(each));
  if (wrong !== undefined) throw refuse(`"${wrong}" is not the path of a stack's roles`, example);
  const odd = users.readers.find((each) => !reader.test(each));
  if (odd === undefined) return users;
  throw refuse(`"${odd}" is not the ARN of a role or a user`, "Give --param=readers=arn:aws:iam::ACCOUNT:role/NAME.");
}

const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** The roles of these works of every stack, as patterns for `ArnLike`. */
export const rolesOf = ({ stacks }: VaultUsers, works: readonly string[]): string[] =>
  stacks.flatMap((stack) => works.map((work) => `${stack}/${work}/*`));

/** The accounts of ARNs, each once, as principals. */
export function accountsOf(arns: readonly string[]): string[] {
  return [...new Set(arns.map((arn) => arn.replace(/^(arn:[^:]+:iam::\d{12}):.*$/, "$1:root")))];
}
