/**
 * Finds modules that import each other in a circle, by imports of types too: Biome's
 * `noImportCycles` passes those by. `npm run check` runs it.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { projectDirectory } from "./cache-directory.ts";

/** What each module imports, by their paths. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** `from "./x.ts"`, `import "./x.ts"` and `import("./x.ts")`, however many lines they take. */
const importPattern = /(?:^|[\s;}])(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+\.ts)"/g;

/** The modules of these texts that a text imports; paths of other files are left out. */
export function readImports(texts: ReadonlyMap<string, string>): ImportGraph {
  return new Map(
    [...texts].map(([path, text]) => {
      const imported = [...text.matchAll(importPattern)].map(([, name = ""]) => normalize(join(dirname(path), name)));
      return [path, [...new Set(imported)].filter((name) => texts.has(name))];
    }),
  );
}

/**
 * Every group of modules of which each reaches all others (Tarjan's strongly connected components),
 * and every module that imports itself; each group sorted.
 */
export function findCycles(graph: ImportGraph): string[][] {
  const order = new Map<string, { index: number; low: number; open: boolean }>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (path: string): number => {
    const own = { index: order.size, low: order.size, open: true };
    order.set(path, own);
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      const known = order.get(next);
      if (known === undefined) own.low = Math.min(own.low, visit(next));
      else if (known.open) own.low = Math.min(own.low, known.index);
    }
    if (own.low === own.index) {
      const group = stack.splice(stack.indexOf(path));
      for (const member of group) (order.get(member) as typeof own).open = false;
      if (group.length > 1 || graph.get(path)?.includes(path) === true) cycles.push(group.sort());
    }
    return own.low;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return cycles;
}

if (import.meta.main) {
  const paths = globSync("{src,functions,infra,scripts,test,demo,bench}/**/*.ts", { cwd: projectDirectory });
  const texts = new Map(paths.map((path) => [path, readFileSync(join(projectDirectory, path), "utf8")]));
  const cycles = findCycles(readImports(texts));
  for (const cycle of cycles) console.error(`these modules import each other:\n  ${cycle.join("\n  ")}`);
  console.log(`${paths.length} modules, ${cycles.length} import cycles`);
  process.exitCode = cycles.length === 0 ? 0 : 1;
}
