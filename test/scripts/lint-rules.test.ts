import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { run } from "../support/processes.ts";

/** A file, what is wrong with it, and the rule that must say so. */
const violations: readonly (readonly [path: string, text: string, rule: string])[] = [
  ["src/errors/a.ts", 'import { x } from "../policy/policy.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/policy/a.ts", 'import { x } from "../runtime/clock.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/runtime/a.ts", 'import { x } from "../policy/policy.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/proof/a.ts", 'import { x } from "../vault/manifest.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/engines/a.ts", 'import { x } from "../vault/manifest.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/engines/postgres/a.ts", 'import { x } from "../../sealing/open-seal.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/engines/postgres/b.ts", 'import { x } from "../files/digest.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/engines/postgres/c.ts", 'export const y = () => import("../../vault/manifest.ts");', "noRestrictedImports"],
  ["src/engines/files/a.ts", 'import type { x } from "../../pipeline/dump.ts";\nexport type Y = x;', "noRestrictedImports"],
  ["src/engines/files/b.ts", 'import { x } from "../postgres/dump.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/engines/toy/a.ts", 'import { x } from "../files/digest.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/policy/engines/toy/a.ts", 'import { x } from "../files/schema.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/policy/engines/toy/b.ts", 'import { x } from "../../../engines/engine.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/vault/a.ts", 'import { x } from "../engines/engine.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/sealing/a.ts", 'import { x } from "../vault/object-store.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/retention/a.ts", 'import { readFile } from "node:fs/promises";\nexport const y = readFile;', "noRestrictedImports"],
  ["src/retention/b.ts", 'import { x } from "../vault/manifest.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/alerts/a.ts", 'import { x } from "../vault/manifest.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/report/a.ts", 'import { x } from "../pipeline/verify.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/pipeline/a.ts", 'import { x } from "../cli/main.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/cli/a.ts", 'import { x } from "../../scripts/docs.ts";\nexport const y = x;', "noRestrictedImports"],
  ["src/vault/cycle-one.ts", 'import { b } from "./cycle-two.ts";\nexport const a = (): unknown => b;', "noImportCycles"],
  ["src/vault/cycle-two.ts", 'import { a } from "./cycle-one.ts";\nexport const b = (): unknown => a;', "noImportCycles"],
  ["src/vault/b.ts", "export const y = process.env.HOME;", "noProcessEnv"],
  ["src/pipeline/b.ts", 'console.log("x");', "noConsole"],
  ["src/vault/c.ts", "export const y = Date.now();", "plugin"],
  ["src/cli/b.ts", "export const y = new Date();", "plugin"],
  ["src/engines/b.ts", "export const y = performance.now();", "plugin"],
  ["src/cli/d.ts", 'process.stdout.write("x");', "plugin"],
  ["src/cli/e.ts", 'console.error("x");', "noConsole"],
  ["functions/a.ts", 'process.stderr.write("x");', "plugin"],
  ["src/vault/camelCase.ts", "export const y = 1;", "useFilenamingConvention"],
  ["src/vault/d.ts", "export const y = (x: any): unknown => x;", "noExplicitAny"],
  ["src/vault/e.ts", "export const y = (x?: string): string => x!;", "noNonNullAssertion"],
  ["src/vault/f.ts", "export default 1;", "noDefaultExport"],
  ["src/vault/g.ts", "export enum Y { A }", "noEnum"],
  ["src/vault/h.ts", 'throw "x";', "useThrowOnlyError"],
  ["src/vault/i.ts", "export async function y(): Promise<void> {}\ny();", "noFloatingPromises"],
  ["src/vault/j.ts", 'import { x } from "fs";\nexport const y = x;', "useNodejsImportProtocol"],
  [
    "src/vault/k.ts",
    `export function y(): number {\n  let x = 0;\n${"  x += 1;\n".repeat(50)}  return x;\n}`,
    "noExcessiveLinesPerFunction",
  ],
  ["src/vault/l.ts", `${"export const y = 1;\n".repeat(301)}`, "noExcessiveLinesPerFile"],
  ["test/vault/a.test.ts", 'import { it } from "vitest";\nit.skip("x", () => {});', "noSkippedTests"],
  ["test/vault/b.test.ts", 'import { it } from "vitest";\nit.only("x", () => {});', "noFocusedTests"],
];

/** Files that do what elsewhere is forbidden, where they may. */
const allowed: readonly (readonly [path: string, text: string])[] = [
  ["src/runtime/clock.ts", "export const now = (): Date => new Date();\nexport const ms = (): number => performance.now();\n"],
  ["src/policy/engines/toy/c.ts", 'import { x } from "../../schema-rules.ts";\n\nexport const y = x;\n'],
  ["src/engines/toy/c.ts", 'import { x } from "../engine.ts";\n\nexport const y = x;\n'],
  ["src/vault/m.ts", "export const y = (at: string): Date => new Date(at);\n"],
  ["src/cli/c.ts", 'import { x } from "../pipeline/dump.ts";\n\nexport const y = [process.env.HOME, x];\n'],
  [
    "src/pipeline/c.ts",
    'import { e } from "../engines/engine.ts";\nimport { x } from "../vault/manifest.ts";\n\nexport const y = [x, e];\n',
  ],
  ["src/policy/b.ts", 'import { x } from "../errors/catalogue.ts";\n\nexport const y = x;\n'],
  [
    "src/engines/files/c.ts",
    'import { d } from "../../runtime/clock.ts";\nimport { x } from "../engine.ts";\n\nexport const y = [x, d];\n',
  ],
  ["src/vault/n.ts", 'import type { P } from "../policy/policy.ts";\n\nexport type Y = P;\n'],
  ["scripts/a.ts", "console.log(process.env.HOME, Date.now());\n"],
];

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string | { readonly file: string } };
}

let directory: string;
let found: readonly { readonly path: string; readonly category: string }[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-lint-"));
  await cp(join(projectDirectory, "biome.json"), join(directory, "biome.json"));
  await cp(join(projectDirectory, "scripts/lint"), join(directory, "scripts/lint"), { recursive: true });
  for (const [path, text] of [...violations, ...allowed]) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  const biome = join(projectDirectory, "node_modules/.bin/biome");
  const { stdout, stderr } = await run(biome, ["lint", "--reporter=json", "--max-diagnostics=none", "."], { cwd: directory });
  const report = JSON.parse(stdout || "{}") as { diagnostics?: readonly Diagnostic[] };
  if (report.diagnostics === undefined) throw new Error(`biome gave no report: ${stderr}`);
  found = report.diagnostics.map(({ category, location }) => ({
    category,
    path: typeof location.path === "string" ? location.path : location.path.file,
  }));
}, 60_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

describe("the lint rules of the house", () => {
  it.each(violations)("refuses what %s does", (path, _text, rule) => {
    const here = found.filter((diagnostic) => diagnostic.path.endsWith(path)).map((diagnostic) => diagnostic.category);
    expect(here.some((category) => category.split("/").includes(rule))).toBe(true);
  });

  it.each(allowed)("accepts what %s does", (path) => {
    expect(found.filter((diagnostic) => diagnostic.path.endsWith(path))).toEqual([]);
  });
});
