/** Definitions in a content digest: one object an entry, its owner and tablespace apart from it. */
import { createHash } from "node:crypto";
import type { ObjectDigest } from "../../../proof/content.ts";
import type { ScriptEntry } from "../script/script-entry.ts";
import { normaliseEntry, readOwner } from "./ddl-normalise.ts";

export interface DefinitionCollector {
  add(
    object: { readonly kind: string; readonly name: string },
    entry: ScriptEntry,
    statements: readonly string[],
    accessMethod: string,
  ): void;
  objects(): ObjectDigest[];
}

/**
 * Definitions by name; entries that share one are combined whatever their order. Owners and
 * tablespaces stand apart.
 */
export function createDefinitionCollector(): DefinitionCollector {
  const found = new Map<string, { readonly sha256: string; readonly bytes: number }[]>();

  function put(object: string, text: string): void {
    const sha256 = createHash("sha256").update(text, "latin1").digest("hex");
    const entries = found.get(object);
    if (entries === undefined) found.set(object, [{ sha256, bytes: text.length }]);
    else entries.push({ sha256, bytes: text.length });
  }

  return {
    add({ kind, name }, entry, statements, accessMethod) {
      const definition: string[] = [];
      for (const statement of statements) {
        const owner = readOwner(statement);
        if (owner === undefined) definition.push(statement);
        else put(`owner ${name}`, owner);
      }
      if (entry.tablespace !== undefined) put(`tablespace ${name}`, entry.tablespace);
      const suffix = usesAccessMethod(entry, definition) && accessMethod !== "heap" ? `;\nUSING ${accessMethod}` : "";
      put(`${kind} ${name}`, normaliseEntry(entry.type, definition) + suffix);
    },
    objects: () =>
      [...found].map(([object, entries]) => ({
        object,
        bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
        sha256: combine(entries.map(({ sha256 }) => sha256)),
      })),
  };
}

/** Partitioned tables have none of their own, so that the setting before them means nothing. */
function usesAccessMethod(entry: ScriptEntry, definition: readonly string[]): boolean {
  if (entry.type === "MATERIALIZED VIEW") return true;
  return entry.type === "TABLE" && definition[0]?.includes("\nPARTITION BY ") !== true;
}

function combine(hashes: readonly string[]): string {
  const [only] = hashes;
  if (hashes.length === 1 && only !== undefined) return only;
  return createHash("sha256")
    .update([...hashes].sort().join("\n"))
    .digest("hex");
}
