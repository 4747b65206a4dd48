/** What a restore in a stack may be asked for, and where it may go. */
import * as z from "zod";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { RestoreOptions } from "../../src/pipeline/restore/restore-options.ts";
import type { Policy } from "../../src/policy/policy.ts";

/** A name of the server's, that a person chose: PostgreSQL keeps 63 bytes of one. */
const serverName = z.string().min(1).max(63);

/** What a restore may be asked for beside its target; the CLI has the same words. */
export const optionsShape = z
  .strictObject({
    /** Everything belongs to this role. */
    role: serverName.optional(),
    noOwner: z.boolean().default(false),
    noPrivileges: z.boolean().default(false),
    noTablespaces: z.boolean().default(false),
    tablespace: serverName.optional(),
    /** Only these objects, as they stand after --only; absent: everything. */
    only: z.array(z.string().min(1).max(300)).min(1).max(100).optional(),
    /** Definitions without rows. */
    schemaOnly: z.boolean().default(false),
    /** Whether the policy's assertions are run on what was restored. */
    assertions: z.boolean().default(true),
    /** Goes on where the room on the target seems too small. */
    ignoreRoom: z.boolean().default(false),
    /** Replaces what stands at the target, once a second person has approved it. */
    overwrite: z.boolean().default(false),
    /** The same, and refuses a target that is not there. */
    swap: z.boolean().default(false),
    /** Ends the sessions that keep what is replaced from being renamed. */
    endConnections: z.boolean().default(false),
  })
  .prefault({});

/** A restore as its machine asks for it, to a target by its name. Errors: those of targetOf. */
export function restoreOptionsOf(
  policy: Policy,
  { to, options }: { readonly to: string; readonly options: z.output<typeof optionsShape> },
): RestoreOptions {
  return { to: targetOf(policy, to), allowDamaged: false, ...readOptions(options) };
}

/** The same as a restore is given them. */
export function readOptions(
  given: z.output<typeof optionsShape>,
): Pick<RestoreOptions, "overwrite" | "swap" | "flags" | "values" | "assertions" | "ignoreRoom" | "only"> {
  const { role, tablespace, noOwner, noPrivileges, noTablespaces, schemaOnly, endConnections, ...plain } = given;
  const flags = {
    "no-owner": noOwner,
    "no-privileges": noPrivileges,
    "no-tablespaces": noTablespaces,
    "schema-only": schemaOnly,
    "end-connections": endConnections,
  };
  const values = Object.entries({ role, tablespace }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    flags: new Set(Object.entries(flags).flatMap(([name, isGiven]) => (isGiven ? [name] : []))),
    values: new Map(values),
    ...plain,
  };
}

/**
 * The policy's own connection of that name; any other name is a new database beside the source's.
 * Errors: UsageInvalid for a login without a stored connection string.
 */
function targetOf({ restoreTargets }: Policy, name: string): string {
  const target = restoreTargets !== undefined && Object.hasOwn(restoreTargets, name) ? restoreTargets[name] : undefined;
  if (target === undefined) return name;
  if (target.from === "secret") return `secret:${target.id}`;
  throw new HoldfastError("UsageInvalid", `restoreTargets.${name} is not a secret, and a stack restores to no other connection`, {
    hint: `Store the connection string in Secrets Manager, and write restoreTargets: { ${name}: secret:ID }.`,
  });
}
