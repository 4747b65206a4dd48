/**
 * A template's references as the values that they have in an account: what CloudFormation does when
 * it makes a resource, for the few functions that the vault's resources use.
 */

/** Where a template is looked at. */
export interface Account {
  readonly id: string;
  readonly partition: string;
  readonly region: string;
}

export interface Physical {
  /** What `Ref` gives. */
  readonly ref?: string | undefined;
  /** What `Fn::GetAtt` … `Arn` gives. */
  readonly arn?: string | undefined;
}

/** Something that is not in the account has no value, and neither has what names it. */
export class Unresolved extends Error {}

/**
 * The value with every reference resolved. Errors: Unresolved, for a reference to what is not
 * there; a plain Error for a function that is not known here.
 */
export function resolveTemplate(value: unknown, account: Account, resources: ReadonlyMap<string, Physical>): unknown {
  const resolve = (each: unknown): unknown => resolveTemplate(each, account, resources);
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== "object" || value === null) return value;
  const [name, argument] = Object.entries(value)[0] ?? [];
  if (name === "Ref") return refOf(String(argument), account, resources);
  if (name === "Fn::Sub") return substitute(String(argument), account, resources);
  if (name === "Fn::GetAtt") return arnOf(String((argument as readonly unknown[])[0]), resources);
  if (name?.startsWith("Fn::") === true) throw new Error(`${name} is not resolved here`);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each)]));
}

function substitute(text: string, account: Account, resources: ReadonlyMap<string, Physical>): string {
  return text.replaceAll(/\$\{([\w:]+)(\.Arn)?\}/g, (_, name: string, arn: string | undefined) =>
    arn === undefined ? refOf(name, account, resources) : arnOf(name, resources),
  );
}

function refOf(name: string, { id, partition, region }: Account, resources: ReadonlyMap<string, Physical>): string {
  const pseudo = new Map([
    ["AWS::AccountId", id],
    ["AWS::Partition", partition],
    ["AWS::Region", region],
  ]);
  const found = pseudo.get(name) ?? resources.get(name)?.ref;
  if (found === undefined) throw new Unresolved(name);
  return found;
}

function arnOf(name: string, resources: ReadonlyMap<string, Physical>): string {
  const found = resources.get(name)?.arn;
  if (found === undefined) throw new Unresolved(name);
  return found;
}
