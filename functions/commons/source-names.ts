/**
 * The names of what each source has of its own: functions that dump it and prove its backups, and
 * the roles that these and its containers run under. Used by infra/, `plan` and `due`.
 */
import { createHash } from "node:crypto";

/**
 * What each source has a function and a role of its own for: also the modules' names in functions/.
 */
export const ownWorks = ["dump", "prove"] as const;
export type OwnWork = (typeof ownWorks)[number];

/** AWS's most, of a function's name and of a role's. */
const maxNameCharacters = 64;
/** Of these, `holdfast-<stage>-prove-` takes up to 26. */
const maxSlug = 32;

/**
 * A source's name as part of a resource's: as it is where that is allowed, else shortened, with a
 * piece of its SHA-256.
 */
export function slugOf(source: string, longest = maxSlug): string {
  const plain = source.replaceAll(/[^A-Za-z0-9-]/g, "-");
  if (plain === source && plain.length <= longest) return plain;
  const digest = createHash("sha256").update(source).digest("hex").slice(0, 8);
  return `${plain.slice(0, longest - 9)}-${digest}`;
}

/** How a stack names what its sources have. */
export interface OwnNames {
  /** `<service>-<stage>`. */
  readonly prefix: string;
  /**
   * Under which the roles of sources are: `arn:aws:iam::<account>:role/<service>-<stage>/<region>`.
   */
  readonly roles: string;
}

/** What dumps a source: the function, and the role that a container gets for it. */
export function dumpNames({ prefix, roles }: OwnNames, source: string) {
  return { dumpFunction: `${prefix}-${ownKey("dump", source)}`, dumpRole: roleArn(roles, "dump", source) };
}

/** What proves a source's backups: reads them back and restores them. */
export function proveNames({ prefix, roles }: OwnNames, source: string) {
  return { proveFunction: `${prefix}-${ownKey("prove", source)}`, proveRole: roleArn(roles, "prove", source) };
}

/** A role's name is its account's, whatever its path: so the region is part of it. */
function roleArn(roles: string, work: OwnWork, source: string): string {
  const [prefix = "", region = ""] = roles.split("/").slice(-2);
  return `${roles}/${work}/${ownRoleName({ prefix, region }, work, source)}`;
}

/** The name of the role under which a source's work is done, in Lambda and in Fargate. */
export function ownRoleName(
  { prefix, region }: { readonly prefix: string; readonly region: string },
  work: OwnWork,
  source: string,
): string {
  const before = `${prefix}-${region}-${work}-`;
  return `${before}${slugOf(source, maxNameCharacters - before.length)}`;
}

/** The name without the stack's prefix: `prove-taskmaster`. */
export const ownKey = (work: OwnWork, source: string): string => `${work}-${slugOf(source)}`;
