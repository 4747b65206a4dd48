/** What the audit trail says of a restore into a live database. It holds no value of a row. */
import type { LiveOutcome } from "../../engines/place.ts";

interface Asked {
  readonly flags?: ReadonlySet<string> | undefined;
  readonly values?: ReadonlyMap<string, string> | undefined;
}

/** As it was asked for. A condition may name a person, and the trail stays for years. */
export function describeAskedLive({ flags, values }: Asked): Readonly<Record<string, string>> {
  const beside = flags?.has("beside") === true;
  if (!beside && flags?.has("into-live") !== true) return {};
  const how = beside ? "beside the live table" : flags?.has("yes") === true ? "into the live table" : "counted only";
  return { live: how, ...(values?.has("where") === true ? { where: "a condition (not repeated here)" } : {}) };
}

/** What came of it. */
export function describeDoneLive(live: LiveOutcome | undefined): Readonly<Record<string, string>> {
  if (live === undefined) return {};
  const { as, applied, rows } = live;
  return {
    live: applied ? `${rows.inserted} rows into ${as}` : `nothing was changed: ${rows.missing ?? 0} rows are missing from ${as}`,
  };
}
