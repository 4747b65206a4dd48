/** What a restore is refused for before anybody looks at its target. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { findEngine } from "../../policy/engine-policy.ts";
import { describeInherited } from "../../vault/chains.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { RestoreOptions } from "./restore-options.ts";

/** A switch that its engine does not know would be forgotten silently. Errors: UsageInvalid. */
export function refuseFlags({ engines }: PipelineContext, engine: string, options: Pick<RestoreOptions, "flags" | "values">): void {
  const { flags = new Set(), values = new Map() } = options;
  const known = findEngine(engines.policies, engine)?.restore.flags ?? [];
  const unknown = [...flags, ...values.keys()].find((flag) => !known.some(({ name }) => name === flag));
  if (unknown === undefined) return;
  throw new HoldfastError("UsageInvalid", `--${unknown} means nothing for a backup of the ${engine} engine`, {
    hint: `Leave --${unknown} out.`,
  });
}

/**
 * A part never stands in for the whole. Errors: UsageInvalid (nothing is named, or its engine
 * restores wholes only), RestoreRefused (what it would replace is more than the part).
 */
export function refuseSelection(
  { engines }: PipelineContext,
  engine: string,
  { only, swap, flags, discardDifferent }: Pick<RestoreOptions, "only" | "swap" | "flags" | "discardDifferent">,
): void {
  if (flags?.has("data-only") === true && (flags.has("schema-only") || discardDifferent === true)) {
    const [other, hint] = flags.has("schema-only")
      ? ["schema-only", "Leave both out: without them, definitions and rows are restored."]
      : ["discard-different", "Leave it out: rows that were put into a database's own tables are not taken out of them again."];
    throw new HoldfastError("UsageInvalid", `--data-only and --${other} exclude each other`, { hint });
  }
  if (only === undefined) return;
  if (findEngine(engines.policies, engine)?.restore.only === undefined) {
    throw new HoldfastError("UsageInvalid", `backups of the ${engine} engine are restored as a whole`, {
      hint: "Leave --only out.",
    });
  }
  if (only.length === 0 || only.some((name) => name.trim() === "")) {
    throw new HoldfastError("UsageInvalid", "--only names nothing", { hint: "Name an object after --only, or leave it out." });
  }
  if (swap !== true) return;
  throw new HoldfastError(
    "RestoreRefused",
    "a part of a backup does not take the place of the whole: --only and --swap exclude each other",
    {
      hint: "Restore the part to a new target, and take from there what you need.",
    },
  );
}

/** Errors: BackupDamaged. */
export function refuseDamaged({ entry }: FoundBackup, options: RestoreOptions): void {
  if (entry.state !== "damaged" || options.allowDamaged) return;
  const inherited = describeInherited(entry);
  const why = inherited ?? "a check after it was made found that it is not what was written";
  throw new HoldfastError("BackupDamaged", `backup ${entry.id} is damaged: ${why}`, {
    hint: "Choose another from `holdfast list`, see what was found with `holdfast show`, or salvage what loads with --allow-damaged.",
  });
}

/**
 * A backup holds what happened between where it goes on and where it ends. Errors: UsageInvalid.
 */
export function refuseUntil({ id, coverage: { from, to } }: Manifest, until: string | undefined): void {
  if (until === undefined || (from !== undefined && from.at <= until && until <= to.at)) return;
  const held = from === undefined ? `only the state of ${to.at}` : `what happened from ${from.at} to ${to.at}`;
  throw new HoldfastError("UsageInvalid", `backup ${id} cannot be restored to ${until}: it has ${held}`, {
    hint: "Choose the backup whose coverage has that instant: `holdfast show <backup>` says what a backup has.",
  });
}
