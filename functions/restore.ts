/**
 * Restores a backup to a new target. It cannot overwrite: its input has no word for that.
 */
import * as z from "zod";
import type { RestoreOptions } from "../src/pipeline/restore/restore-options.ts";
import { restoreBackup } from "../src/pipeline/restore.ts";
import type { Policy } from "../src/policy/policy.ts";
import { stackTargetPattern, stackTargetProblem } from "../src/policy/stack-target.ts";
import { findNamed } from "./commons/found-backup.ts";
import { handingOver } from "./commons/handed-over.ts";
import { backupId, execution, source } from "./commons/inputs.ts";
import { defineStep, serve } from "./commons/step.ts";

/** A name of the server's, that a person chose: PostgreSQL keeps 63 bytes of one. */
const serverName = z.string().min(1).max(63);

/**
 * What a restore to a new database may be asked for beside its target; the CLI has the same words.
 */
const optionsShape = z
  .strictObject({
    /** Everything belongs to this role. */
    role: serverName.optional(),
    noOwner: z.boolean().default(false),
    noPrivileges: z.boolean().default(false),
    noTablespaces: z.boolean().default(false),
    tablespace: serverName.optional(),
    /** Whether the policy's assertions are run on what was restored. */
    assertions: z.boolean().default(true),
    /** Goes on where the room on the target seems too small. */
    ignoreRoom: z.boolean().default(false),
  })
  .prefault({});

function readOptions(given: z.output<typeof optionsShape>): Pick<RestoreOptions, "flags" | "values" | "assertions" | "ignoreRoom"> {
  const { role, tablespace, noOwner, noPrivileges, noTablespaces, assertions, ignoreRoom } = given;
  const flags = { "no-owner": noOwner, "no-privileges": noPrivileges, "no-tablespaces": noTablespaces };
  const values = Object.entries({ role, tablespace }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    flags: new Set(Object.entries(flags).flatMap(([name, isGiven]) => (isGiven ? [name] : []))),
    values: new Map(values),
    assertions,
    ignoreRoom,
  };
}

export const step = defineStep({
  name: "restore",
  input: z.strictObject({
    source,
    backupId,
    execution,
    // This text stays in the execution's history, and anyone who may start one chooses it.
    to: z.string().regex(stackTargetPattern, stackTargetProblem),
    options: optionsShape,
  }),
  async run(context, request) {
    const options = {
      to: targetOf(context.policy, request.to),
      overwrite: false,
      allowDamaged: false,
      ...readOptions(request.options),
    };
    const restored = await handingOver(context, request.execution, async (handing) =>
      restoreBackup(handing, await findNamed(handing, request), options),
    );
    return {
      source: restored.source,
      backupId: restored.backupId,
      target: restored.target,
      objects: restored.comparison.objectsCompared,
      rows: restored.comparison.rowsCompared,
      assertionsFailed: restored.assertions.filter(({ passed }) => !passed).length,
      loadMs: Math.round(restored.timings["load"] ?? 0),
    };
  },
});

/**
 * The policy's own connection of that name; any other name is a new database beside the source's.
 */
function targetOf({ restoreTargets }: Policy, name: string): string {
  const target = restoreTargets !== undefined && Object.hasOwn(restoreTargets, name) ? restoreTargets[name] : undefined;
  return target?.from === "secret" ? `secret:${target.id}` : name;
}

export const handler = serve(step);
