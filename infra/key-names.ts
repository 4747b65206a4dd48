/** How a policy names a key of KMS: by an alias, an id, or the ARN of either. */

export interface KeyName {
  /** `alias/…`; undefined: it is named by its id. */
  readonly alias: string | undefined;
  /** Of an ARN; undefined: those of the stack. */
  readonly account: string | undefined;
  readonly region: string | undefined;
}

const arn = /^arn:[^:]+:kms:([^:]+):(\d{12}):(.+)$/;

/** The parts of a name that src/policy/references.ts takes. */
export function readKeyName(keyId: string): KeyName {
  const [, region, account, rest = keyId] = arn.exec(keyId) ?? [];
  return { alias: rest.startsWith("alias/") ? rest : undefined, account, region };
}

/** The alias of a key that is named by one, without the word before its slash. */
export const plainAlias = (keyId: string): string => readKeyName(keyId).alias?.slice("alias/".length) ?? keyId;
