import type { Place } from "../../engines/place.ts";
import type { ContentDigest } from "../../proof/content.ts";
import type { RestoredPart, RestoreResult } from "./restore-result.ts";

/** How much of the backup a place took; nothing where it took all. */
export function describePart(place: Place, digest: ContentDigest | undefined): Pick<RestoreResult, "selection"> {
  const { selection } = place;
  if (selection === undefined) return {};
  const { only, content } = selection;
  const counted = digest === undefined ? {} : selection.count(digest);
  return { selection: { only, ...(content === undefined ? {} : { content }), ...counted } };
}

/** `28 of 120 objects: public.orders`, in one line. */
export function sayPart({ only, content, objects, of }: RestoredPart): string {
  const amount = objects === undefined ? [] : [`${objects} of ${of} objects`];
  const without =
    content === undefined ? [] : [content === "definitions" ? "definitions without rows" : "rows without definitions"];
  return [[...amount, ...without].join(", "), ...(only.length === 0 ? [] : [only.join(", ")])]
    .filter((text) => text !== "")
    .join(": ");
}
