/** What a person may call a backup by its id. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { isSourceName } from "./layout.ts";

export interface Reference {
  readonly text: string;
  readonly prefix: string;
  readonly source?: string | undefined;
}

export const referenceHint =
  "Name a backup by its id or the beginning of it, or as <source>@latest or <source>@2026-11-20T02:00:00Z.";

/** Reads an id or the beginning of one, with or without its source. Errors: UsageInvalid. */
export function parseReference(text: string): Reference {
  const slash = text.indexOf("/");
  const source = slash < 0 ? undefined : text.slice(0, slash);
  const prefix = text.slice(slash + 1);
  if (!/^[0-9A-Za-z-]+$/.test(prefix) || (source !== undefined && !isSourceName(source))) {
    throw new HoldfastError("UsageInvalid", `${JSON.stringify(text)} cannot be the name of a backup`, { hint: referenceHint });
  }
  return { text, prefix, source };
}
