/** What a person may call a backup. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { isSourceName } from "./layout.ts";

export type Reference =
  | { readonly by: "prefix"; readonly text: string; readonly prefix: string; readonly source?: string | undefined }
  /** Without a time: the latest. */
  | { readonly by: "time"; readonly text: string; readonly source: string; readonly time?: Date };

const hint = "Name a backup by its id or the beginning of it, or as <source>@latest or <source>@2026-11-20T02:00:00Z.";

/** Reads a reference. Errors: UsageInvalid. */
export function parseReference(text: string): Reference {
  const at = text.indexOf("@");
  if (at >= 0) return parseTimed(text, text.slice(0, at), text.slice(at + 1));
  const slash = text.indexOf("/");
  const source = slash < 0 ? undefined : text.slice(0, slash);
  const prefix = text.slice(slash + 1);
  if (!/^[0-9A-Za-z-]+$/.test(prefix) || (source !== undefined && !isSourceName(source))) {
    throw new HoldfastError("UsageInvalid", `${JSON.stringify(text)} cannot be the name of a backup`, { hint });
  }
  return { by: "prefix", text, prefix, source };
}

function parseTimed(text: string, source: string, moment: string): Reference {
  if (!isSourceName(source)) {
    throw new HoldfastError("UsageInvalid", `${JSON.stringify(source)} before the @ cannot be the name of a source`, { hint });
  }
  if (moment === "latest") return { by: "time", text, source };
  // A time without a zone would mean another backup on another machine.
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(moment);
  const time = new Date(moment.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (!zoned || Number.isNaN(time.getTime())) {
    throw new HoldfastError("UsageInvalid", `${JSON.stringify(moment)} after the @ is neither "latest" nor a time with its zone`, {
      hint,
    });
  }
  return { by: "time", text, source, time };
}
