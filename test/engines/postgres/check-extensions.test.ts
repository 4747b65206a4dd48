/** Extensions of a source, against what the throwaway servers' programs can install. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkExtensions } from "../../../src/engines/postgres/check-extensions.ts";
import { installableExtensions } from "../../../src/engines/postgres/missing-extensions.ts";

const root = mkdtempSync(join(tmpdir(), "hf-installable-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Programs below `root`, and where they have their extensions. */
function install(bin: string, share: string, names: readonly string[]): string {
  for (const directory of [bin, share]) mkdirSync(join(root, directory), { recursive: true });
  for (const name of names) writeFileSync(join(root, share, `${name}.control`), "");
  writeFileSync(join(root, share, "readme.txt"), "");
  return join(root, bin);
}

describe("the extensions that programs can install", () => {
  it.each([
    ["PostgreSQL's own build", "own/bin", "own/share/extension"],
    ["a build that names its directories", "named/bin", "named/share/postgresql/extension"],
    ["Debian's packages", "usr/lib/postgresql/15/bin", "usr/share/postgresql/15/extension"],
  ])("are found beside %s", (_, bin, share) => {
    const found = installableExtensions(install(bin, share, ["plpgsql", "hstore"]), 15);
    expect([...(found ?? [])].toSorted()).toEqual(["hstore", "plpgsql"]);
  });

  it("are not known where there are no control files", () => {
    expect(installableExtensions(join(root, "nowhere/bin"), 15)).toBeUndefined();
  });
});

describe("check", () => {
  const directory = install("pgsql/bin", "pgsql/share/extension", ["plpgsql", "hstore"]);
  const connection = {
    rows: async <R>() =>
      [
        { name: "hstore", version: "1.8" },
        { name: "pg_graphql", version: "1.5" },
        { name: "plpgsql", version: "1.0" },
        { name: "postgis", version: "3.3.2" },
      ] as R[],
  };
  const source = { restoreTest: { assertions: [], withoutExtensions: ["pg_graphql"] } };

  it("warns of an extension that the throwaway servers lack, unless the policy excepts it, with the words to add", async () => {
    const findings = await checkExtensions(connection, source, { directory, major: 15 });
    expect(findings).toEqual([
      {
        level: "warning",
        subject: "restore test",
        message: `the source has the extension postgis 3.3.2, which PostgreSQL 15 in ${directory} lacks: restore tests here end unproven`,
        remedy: expect.stringMatching(
          /install it for PostgreSQL 15 .* write restoreTest: \{ extensions: \[postgis\] \} into the policy, run `npm run layer`, and deploy\. .*withoutExtensions: \[postgis\]/,
        ),
      },
    ]);
  });

  it("asks the source for nothing where it cannot tell", async () => {
    const rows = () => Promise.reject(new Error("asked"));
    expect(await checkExtensions({ rows }, source, { directory: join(root, "nowhere/bin"), major: 15 })).toEqual([]);
  });

  it("notes one that this machine has and a stack's layer would lack, until the policy names it", async () => {
    const here = install("full/bin", "full/share/extension", ["plpgsql", "hstore", "postgis", "plperl", "pg_graphql"]);
    const having = {
      rows: async <R>() =>
        [...(await connection.rows<{ name: string; version: string }>()), { name: "plperl", version: "1.0" }] as R[],
    };
    const programs = { directory: here, major: 15 };
    expect(await checkExtensions(having, source, programs)).toEqual([
      {
        level: "note",
        subject: "restore test",
        message:
          "the source has the extension postgis 3.3.2, which this machine has; a stack's restore tests end unproven without it",
        remedy: "For a stack, write restoreTest: { extensions: [postgis] } into the policy, run `npm run layer`, and deploy.",
      },
    ]);
    const naming = { restoreTest: { ...source.restoreTest, extensions: ["postgis"] } };
    expect(await checkExtensions(having, naming, programs)).toEqual([]);
    // What the policy names is of stacks: a machine that lacks it is warned of all the same.
    expect(await checkExtensions(connection, naming, { directory, major: 15 })).toMatchObject([{ level: "warning" }]);
  });
});
