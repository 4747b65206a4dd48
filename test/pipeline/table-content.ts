/** Contents of tables in short form, and what is suspicious among them. */
import type { ContentFigures, PartFigures } from "../../src/pipeline/suspicion/content-figures.ts";
import { findSuspicions } from "../../src/pipeline/suspicion/suspicion.ts";

export const rules = { maxDropShare: 0.5, isVolatile: () => false };

/** A content of tables by name: rows, or rows and bytes. */
export function content(
  tables: Readonly<Record<string, number | Omit<PartFigures, "object">>>,
  partitions: string[] = [],
): ContentFigures {
  const parts = new Map<string, PartFigures>();
  for (const [name, given] of Object.entries(tables)) {
    const object = /^(table|directory|type) /.test(name) ? name : `table public.${name}`;
    parts.set(object, { object, ...(typeof given === "number" ? { rows: given, bytes: given * 100 } : given) });
  }
  return { parts, partitions: new Set(partitions.map((name) => `table public.${name}`)) };
}

export const found = (now: ContentFigures, ...history: ContentFigures[]) => findSuspicions(now, history, rules);
