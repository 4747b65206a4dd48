/** The kinds of backups that an engine makes, and what each builds on. */
import type { BackupKind, BaseRules } from "./policy.ts";

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
export function reusesOf(engine: { readonly kinds: KindRules }): BaseRules {
  return rulesBy(engine, "reuse");
}

/** What each kind that is restored onto another backup builds on. */
export function chainsOf(engine: { readonly kinds: KindRules }): BaseRules {
  return rulesBy(engine, "chain");
}

function rulesBy({ kinds }: { readonly kinds: KindRules }, by: "reuse" | "chain"): BaseRules {
  const rules = Object.entries(kinds) as [BackupKind, KindRule][];
  return Object.fromEntries(
    rules.flatMap(([kind, rule]) => (rule.buildsOn !== "nothing" && rule.by === by ? [[kind, rule.buildsOn]] : [])),
  );
}
