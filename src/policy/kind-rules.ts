/** The kinds of backups that an engine makes, and what each builds on. */
import type { BackupKind } from "./policy.ts";

/**
 * What a backup of a kind builds on: nothing, the newest full one, or the newest of all; and how.
 * `reuse`: it names artifacts that this one stored or names, and is restored in one step. `chain`:
 * it is restored onto it.
 */
export type KindRule =
  | { readonly buildsOn: "nothing" }
  | { readonly buildsOn: "latest-full" | "latest"; readonly by: "reuse" | "chain" };

export type KindRules = Readonly<Partial<Record<BackupKind, KindRule>>>;

export function kindsOf(engine: { readonly kinds: KindRules }): readonly BackupKind[] {
  return Object.keys(engine.kinds) as BackupKind[];
}

/** Whose artifacts each kind that reuses may name. */
export function reusesOf({
  kinds,
}: {
  readonly kinds: KindRules;
}): Readonly<Partial<Record<BackupKind, "latest-full" | "latest">>> {
  const rules = Object.entries(kinds) as [BackupKind, KindRule][];
  return Object.fromEntries(
    rules.flatMap(([kind, rule]) => (rule.buildsOn !== "nothing" && rule.by === "reuse" ? [[kind, rule.buildsOn]] : [])),
  );
}
