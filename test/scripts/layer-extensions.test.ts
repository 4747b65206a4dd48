/** What is asked of a layer, and which of a package's files an extension is. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { maxUnpackedBytes } from "../../infra/layer-manifest.ts";
import { describeTooLarge } from "../../scripts/layer/build-layer.ts";
import { copyExtension } from "../../scripts/layer/extension-files.ts";
import { readLayerOptions } from "../../scripts/layer/layer-options.ts";
import { samplePolicyText } from "../infra/deployments.ts";

const directory = mkdtempSync(join(tmpdir(), "hf-extensions-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let tree: string;
let layer: string;
beforeEach(() => {
  tree = mkdtempSync(join(directory, "tree-"));
  layer = mkdtempSync(join(directory, "layer-"));
});

const share = "usr/share/postgresql/15/extension";
const lib = "usr/lib/postgresql/15/lib";
function put(name: string, text = ""): void {
  mkdirSync(dirname(join(tree, name)), { recursive: true });
  writeFileSync(join(tree, name), text);
}
const found = (): string[] =>
  readdirSync(layer, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(layer.length + 1))
    .toSorted();

/** As Debian packages PostGIS: names with its major, updates that are links, modules of others. */
function putPostgis(): void {
  put(`${share}/postgis-3.control`, "default_version = '3.3.2'\nmodule_pathname = '$libdir/postgis-3'\n");
  put(`${share}/postgis--3.3.2.sql`, "select 1;");
  put(`${share}/postgis--ANY--3.3.2.sql`);
  symlinkSync("postgis--ANY--3.3.2.sql", join(tree, share, "postgis--2.5.1--3.3.2.sql"));
  put(`${share}/postgis_topology-3.control`, "default_version = '3.3.2'\nschema = topology\nrequires = postgis\n");
  put(`${share}/postgis_topology--3.3.2.sql`, "create function f() returns int as '$libdir/postgis_topology-3', 'f' language c;");
  put(`${share}/postgis_raster-3.control`, "default_version = '3.3.2'\nmodule_pathname = '$libdir/postgis_raster-3'\n");
  for (const name of ["postgis-3", "postgis_topology-3", "postgis_raster-3"]) put(`${lib}/${name}.so`, name);
  put(`${lib}/bitcode/postgis-3.index.bc`);
}

describe("an extension of a package", () => {
  it("is its control file, the script of its version and the modules they name, and nothing else of the package", () => {
    putPostgis();
    expect(copyExtension("postgis", [tree], layer)).toEqual(["postgis"]);
    expect(found()).toEqual(["lib/postgis-3.so", "share/extension/postgis--3.3.2.sql", "share/extension/postgis.control"]);
  });

  it("brings along what it requires of the same package", () => {
    putPostgis();
    expect(copyExtension("postgis_topology", [tree], layer)).toEqual(["postgis_topology", "postgis"]);
    expect(found()).toContain("lib/postgis_topology-3.so");
    expect(found()).toContain("share/extension/postgis.control");
    expect(found().filter((name) => name.includes("raster"))).toEqual([]);
  });

  it("keeps every script where none installs its version at once, and its dictionaries", () => {
    put(`${share}/words.control`, "default_version = '1.1'\n");
    put(`${share}/words--1.0.sql`);
    put(`${share}/words--1.0--1.1.sql`);
    put("usr/share/postgresql/15/tsearch_data/words.rules");
    expect(copyExtension("words", [tree], layer)).toEqual(["words"]);
    expect(found()).toEqual([
      "share/extension/words--1.0--1.1.sql",
      "share/extension/words--1.0.sql",
      "share/extension/words.control",
      "share/tsearch_data/words.rules",
    ]);
  });

  it("is refused without its module or script, and absent where no tree has it", () => {
    put(`${share}/lost.control`, "default_version = '1'\nmodule_pathname = '$libdir/lost'\n");
    expect(() => copyExtension("lost", [tree], layer)).toThrow(/has no script that installs it/);
    put(`${share}/lost--1.sql`);
    expect(() => copyExtension("lost", [tree], layer)).toThrow("extension lost needs the module lost.so");
    expect(copyExtension("vector", [tree], layer)).toBeUndefined();
  });
});

describe("the layer's options", () => {
  it("add what the policy's sources name to what is asked for, each once", () => {
    const policy = join(tree, "holdfast.yml");
    const test = (names: string) => `restoreTest: { extensions: [${names}] }`;
    writeFileSync(
      policy,
      samplePolicyText.replace("connection: secret:one/db", `connection: secret:one/db\n    ${test("vector, postgis")}`),
    );
    expect(readLayerOptions(["--policy", policy, "--extension", `vector@16=${tree}`]).extensions).toEqual([
      { name: "postgis" },
      { name: "vector", tree: { major: 16, directory: tree } },
    ]);
  });

  it.each([
    ["vector@16=/no/such/directory", /there is no directory \/no\/such\/directory/],
    ["vector@13=/tmp", /the layer has PostgreSQL 14, 15, 16, 17, 18/],
    ["Vector", /not an extension's name/],
    ["../vector", /not an extension's name/],
  ])("refuse --extension %s", (text, message) => {
    expect(() => readLayerOptions(["--extension", text])).toThrow(message);
  });
});

describe("a layer that is too large", () => {
  it("is refused with the figures and what to leave out", () => {
    expect(maxUnpackedBytes).toBe(262_144_000);
    expect(describeTooLarge(252_144_000, "all")).toBeUndefined();
    expect(describeTooLarge(252_144_001, "all")).toBe(
      "the layer has 252144001 bytes unpacked and a function beside it up to 10000000; Lambda takes 262144000 of both: 1 too many. Add --locales common, which needs some 90,000,000 less, or fewer extensions.",
    );
    expect(describeTooLarge(271_226_661, "common")).toMatch(/19082661 too many\. Add fewer extensions\.$/);
  });
});
