import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findCycles, type ImportGraph, readImports } from "../../scripts/import-cycles.ts";

describe("modules that import each other", () => {
  test("are found through imports of types, exports and imports at run time, on one line or several", () => {
    const texts = new Map([
      ["src/a.ts", 'import { x } from "node:fs";\nimport type {\n  One,\n  Two,\n} from "./b.ts";\n'],
      ["src/b.ts", 'export { three } from "./deep/c.ts";\n'],
      ["src/deep/c.ts", 'const load = async () => await import("../a.ts");\n'],
      ["src/d.ts", 'import "./a.ts";\nconst text = "from ./d.ts";\n'],
      ["src/own.ts", 'import type { Own } from "./own.ts";\n'],
    ]);
    expect(findCycles(readImports(texts))).toEqual([["src/a.ts", "src/b.ts", "src/deep/c.ts"], ["src/own.ts"]]);
  });

  test("are those of which each reaches all others", () => {
    const graphs = fc.array(fc.uniqueArray(fc.nat({ max: 7 }), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(graphs, (edges) => {
        const graph: ImportGraph = new Map(
          edges.map((to, from) => [`${from}`, to.filter((other) => other < edges.length).map(String)]),
        );
        const reached = (from: string, seen = new Set<string>()): Set<string> => {
          for (const next of graph.get(from) ?? []) if (!seen.has(next)) reached(next, seen.add(next));
          return seen;
        };
        const circular = [...graph.keys()].filter((path) => reached(path).has(path));
        const cycles = findCycles(graph);
        expect(cycles.flat().sort()).toEqual(circular.sort());
        for (const cycle of cycles) {
          for (const path of cycle) expect(cycle.filter((other) => !reached(path).has(other))).toEqual([]);
          for (const path of circular)
            if (!cycle.includes(path)) expect(reached(path).has(cycle[0] ?? "") && reached(cycle[0] ?? "").has(path)).toBe(false);
        }
      }),
    );
  });
});
