/**
 * Whether two AWS identities may be the same person. AWS proves a user or a role's session; a role
 * may be taken on by many, and one person may take on many roles.
 */

/** What of an identity's ARN says who it is. */
export interface Party {
  /** The user, or the role whatever the session. */
  readonly principal: string;
  /** The user's name, or the session's: IAM Identity Center puts the person's there. */
  readonly person: string;
}

/** Reads the ARN that STS gives. */
export function partyOf(arn: string): Party {
  const [partition, , account, resource] = arn
    .split(":")
    .slice(1)
    .filter((_, index) => index !== 2);
  const [kind = "", ...parts] = (resource ?? arn).split("/");
  if (kind === "assumed-role") {
    const [role = "", ...session] = parts;
    return { principal: `arn:${partition}:iam::${account}:role/${role}`, person: session.join("/") };
  }
  return { principal: arn, person: parts.at(-1) ?? kind };
}

/**
 * The rule: the same user; the same role, whatever the sessions are called, for who takes it on may
 * choose that; or the same name, in any case of letters, as a user or a session of whatever role
 * and account.
 */
export function maySame(one: string, other: string): boolean {
  const [a, b] = [partyOf(one), partyOf(other)];
  return a.principal === b.principal || a.person.toLowerCase() === b.person.toLowerCase();
}
