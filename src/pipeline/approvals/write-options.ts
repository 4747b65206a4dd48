/**
 * The options of a command as a request has them: what was not given, or is as ever, is left out.
 */
import { canonicalJson } from "../../vault/documents/canonical-json.ts";

/** What these are where nobody gives them. Any other switch that is off is written down as well. */
const usual: Readonly<Record<string, boolean>> = {
  overwrite: false,
  allowDamaged: false,
  discardDifferent: false,
  safetyBackup: true,
  assertions: true,
  withoutErasures: false,
};

/** Names and texts; the same for options that mean the same, whatever their order. */
export function writeOptions(options: object): Readonly<Record<string, string>> {
  const written: [string, string][] = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || usual[name] === value) return [];
    const text = writeValue(value);
    return text === undefined ? [] : [[name, text] as [string, string]];
  });
  return Object.fromEntries(written);
}

function writeValue(value: unknown): string | undefined {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (value instanceof Set) return value.size === 0 ? undefined : asJson([...value].map(String).sort());
  if (value instanceof Map) return value.size === 0 ? undefined : asJson(Object.fromEntries(value));
  return asJson(value);
}

const asJson = (value: unknown): string => Buffer.from(canonicalJson(value)).toString("utf8");
