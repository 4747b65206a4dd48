/** The kinds of backups that an engine makes, and what each builds on. */
import type { BackupKind } from "./policy.ts";

/** What a backup of a kind builds on: nothing, the newest full one, or the newest of all. */
export interface KindRule {
  readonly buildsOn: "nothing" | "latest-full" | "latest";
}

export type KindRules = Readonly<Partial<Record<BackupKind, KindRule>>>;

export function kindsOf(engine: { readonly kinds: KindRules }): readonly BackupKind[] {
  return Object.keys(engine.kinds) as BackupKind[];
}
