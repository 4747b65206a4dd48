/**
 * Where safety backups go: what stood at a restore's target, before it was replaced, is kept beside
 * the source's own backups under a name of its own. Among these it would be `@latest`, count for
 * the RPO, and push others out of retention.
 */
import type { Policy, SourceConfig } from "./policy.ts";

const suffix = ".pre-restore";
/** The longest name of a source that a vault takes (vault/layout.ts). */
const maxNameCharacters = 100;

/** The name under which safety backups of this source's restores are stored. */
export function safetySeriesOf(source: string): string {
  return `${source.slice(0, maxNameCharacters - suffix.length)}${suffix}`;
}

/**
 * The source of that name; a series of safety backups is one as well: as its source, under its own
 * name. Undefined: the policy knows neither.
 */
export function findSource({ sources }: Pick<Policy, "sources">, name: string): SourceConfig | undefined {
  if (Object.hasOwn(sources, name)) return sources[name];
  const base = Object.values(sources).find((source) => safetySeriesOf(source.name) === name);
  return base === undefined ? undefined : { ...base, name };
}

/** Whose erasures a backup under this name may hold: a safety backup holds its source's people. */
export function ledgerSourceOf({ sources }: Pick<Policy, "sources">, name: string): string {
  if (Object.hasOwn(sources, name)) return name;
  return Object.keys(sources).find((source) => safetySeriesOf(source) === name) ?? name;
}
