/** Which of the hidden objects a person asked for. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { describeHiding } from "../../vault/undelete/choose-version.ts";
import type { HiddenObject } from "./hidden-objects.ts";
import type { JudgedBackup } from "./judge-backup.ts";

export interface Selection {
  readonly source?: string | undefined;
  /** `source/id`, an id, or the beginning of one. */
  readonly backup?: string | undefined;
  /** Only what was hidden then or later. */
  readonly since?: Date | undefined;
  /** Also what a prune deleted. */
  readonly pruned: boolean;
}

/**
 * The hidden objects of the selection. A backup comes with all that it builds on, and with what it
 * reuses; holdfast.json comes with anything. Errors: BackupNotFound where nothing of the backup is
 * hidden, UsageInvalid where several begin like that.
 */
export function selectHidden(
  hidden: readonly HiddenObject[],
  judged: ReadonlyMap<string, JudgedBackup>,
  { backup, since }: Selection,
): readonly HiddenObject[] {
  const young = hidden.filter(
    (object) => object.kind === "vault" || since === undefined || describeHiding(object).hiddenAt >= since,
  );
  if (backup === undefined) return young;
  const chain = findChain(findBackup(hidden, backup), judged);
  const artifacts = new Set([...chain].flatMap((name) => [...(judged.get(name)?.manifest?.artifacts.keys() ?? [])]));
  return young.filter(({ kind, key, place }) => {
    if (kind === "vault" || artifacts.has(key)) return true;
    return place !== undefined && kind !== "artifact" && chain.has(`${place.source}/${place.id}`);
  });
}

function findBackup(hidden: readonly HiddenObject[], given: string): string {
  const names = new Set(hidden.flatMap(({ place }) => (place === undefined ? [] : [`${place.source}/${place.id}`])));
  const found = [...names].filter((name) => name.startsWith(given) || name.slice(name.indexOf("/") + 1).startsWith(given));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new HoldfastError("BackupNotFound", `nothing of a backup "${given}" is hidden`, {
      hint: "See what is hidden with `holdfast vault undelete --dry-run`.",
    });
  }
  if (others.length === 0) return first;
  throw new HoldfastError("UsageInvalid", `"${given}" is ambiguous: ${found.length} hidden backups begin with it`, {
    hint: "Write more of the id, or put the source before it: <source>/<id>.",
    details: found.slice(0, 10),
  });
}

/** The backup and what it builds on. */
function findChain(name: string, judged: ReadonlyMap<string, JudgedBackup>): Set<string> {
  const chain = new Set<string>();
  for (let next: string | undefined = name; next !== undefined && !chain.has(next); ) {
    chain.add(next);
    const backup = judged.get(next);
    const base: string | undefined = backup?.manifest?.base?.id;
    next = base === undefined ? undefined : `${backup?.source}/${base}`;
  }
  return chain;
}
