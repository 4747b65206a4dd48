import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FilesSource } from "../../src/policy/engines/files/source.ts";
import type { PostgresSource } from "../../src/policy/engines/postgres/source.ts";
import { initialPolicy } from "../../src/policy/initial-policy.ts";
import { parse } from "./policy-texts.ts";

const options = {
  source: "shop",
  values: { connection: "env:SHOP_URL", path: "/etc/shop" },
  vault: "folder:./vault",
  keyPath: "~/.config/holdfast/main.key",
};

describe("the policy that init writes", () => {
  it("is valid for PostgreSQL", () => {
    const policy = parse(initialPolicy({ ...options, engine: "postgres" }));
    expect(policy.sources["shop"]).toMatchObject({
      engine: "postgres",
      connection: { from: "env", name: "SHOP_URL" },
      schedules: { full: "0 2 * * *" },
      retention: { daily: 30, monthly: 12 },
    });
    expect(policy.vaults["main"]).toMatchObject({ path: "/srv/app/vault" });
    expect(policy.keys["main"]?.keys).toEqual([{ type: "file", path: "/home/ops/.config/holdfast/main.key" }]);
  });

  it("is valid for files", () => {
    expect(parse(initialPolicy({ ...options, engine: "files" })).sources["shop"]).toMatchObject({
      engine: "files",
      path: "/etc/shop",
    });
  });

  it.each(["postgres", "files"] as const)("stays valid for %s when its suggestions are taken out of their comments", (engine) => {
    const suggestion = /^(\s*)# ?((?:alerts|critical|objectives|exclude|include|assert):|\s+(?:critical:|- \{))/;
    const text = initialPolicy({ ...options, engine })
      .split("\n")
      .map((line) => line.replace(suggestion, "$1$2"))
      .join("\n");
    const policy = parse(text);
    expect(policy.alerts.critical).toHaveLength(2);
    expect(policy.sources["shop"]?.objectives).toEqual({ rpoSeconds: 86_400, rtoSeconds: 14_400 });
    if (engine === "postgres") expect((policy.sources["shop"] as PostgresSource).restoreTest.assertions).toHaveLength(1);
    expect(text).not.toMatch(/^\s*# (exclude|include|objectives|alerts)/m);
  });

  it("keeps any path, whatever YAML would make of its characters", () => {
    const name = fc
      .string({ minLength: 1 })
      .filter((text) => !/[\0$]|:\/\//.test(text) && text.trim() !== "" && !text.startsWith("~"));
    fc.assert(
      fc.property(name, (text) => {
        const source = parse(initialPolicy({ ...options, engine: "files", values: { path: `/data/${text}` } })).sources["shop"];
        expect((source as FilesSource).path).toBe(resolveLike(`/data/${text}`));
      }),
    );
  });

  it("takes a source's name for text even where YAML has a word of that name", () => {
    for (const source of ["true", "null", "123", "1e5", "0x1f"])
      expect(Object.keys(parse(initialPolicy({ ...options, engine: "postgres", source })).sources)).toEqual([source]);
  });
});

/** What a path means: dots and doubled slashes resolved, the last slash taken off. */
function resolveLike(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
