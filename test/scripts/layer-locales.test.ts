/** Which languages a layer has. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { addLocales } from "../../scripts/layer/locale-data.ts";

const directory = mkdtempSync(join(tmpdir(), "hf-locales-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A package with these locales, each with its order. */
function packageOf(orders: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(directory, "package-"));
  for (const [name, order] of Object.entries(orders)) {
    mkdirSync(join(root, "usr/lib/locale", name), { recursive: true });
    writeFileSync(join(root, "usr/lib/locale", name, "LC_COLLATE"), order);
  }
  return root;
}

describe("the common languages of a layer", () => {
  const shared = Array.from({ length: 10 }, (_, at) => `l${at}_XX.utf8`);
  const locales = packageOf({
    ...Object.fromEntries(shared.map((name) => [name, "latin"])),
    "sv_SE.utf8": "swedish",
    "de_DE.iso88591": "latin",
  });

  it("are those whose order many share, and C, without which a database of C.UTF-8 is never proven", () => {
    const root = mkdtempSync(join(directory, "root-"));
    const chosen = addLocales([locales, packageOf({ "C.utf8": "bytes" })], "common", root);
    expect(chosen).toEqual(["C.utf8", ...shared]);
    expect(existsSync(join(root, "share/locale/C.utf8/LC_COLLATE"))).toBe(true);
  });

  it("are all that are in UTF-8 where all are asked for", () => {
    const root = mkdtempSync(join(directory, "root-"));
    expect(addLocales([locales], "all", root)).toEqual([...shared, "sv_SE.utf8"]);
  });
});
