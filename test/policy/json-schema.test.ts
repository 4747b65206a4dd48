import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import type { PostgresSource } from "../../src/policy/engines/postgres/source.ts";
import { initialPolicy } from "../../src/policy/initial-policy.ts";
import { type DescribedSchema, describePolicy, publishedSchema } from "../../src/policy/json-schema.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { flow, renderReference } from "../../src/policy/reference-page.ts";
import { files, messagesOf, places, postgres, smallest, withFiles, withPostgres, withTop } from "./policy-texts.ts";

const root = resolve(import.meta.dirname, "../..");
// Unions of types (a text or a mapping) are what short forms are.
const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, strictTypes: false, allErrors: true });
const validate = ajv.compile(publishedSchema());

/** Every key of the schema: its path, its schema, and whether something stands under it. */
function keysOf(schema: DescribedSchema, path = ""): { path: string; schema: DescribedSchema }[] {
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const here = path === "" ? name : `${path}.${name}`;
    return [{ path: here, schema: property }, ...keysOf(property, here)];
  });
  const forms = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((form) => keysOf(form, path));
  const items = schema.items === undefined ? [] : keysOf(schema.items, `${path}[]`);
  const values = schema.additionalProperties ? keysOf(schema.additionalProperties, `${path}.<name>`) : [];
  return [...properties, ...forms, ...items, ...values];
}

describe("every key of the policy", () => {
  const keys = keysOf(describePolicy());

  it("is found by these tests", () => {
    expect(keys.length).toBeGreaterThan(80);
    expect(keys.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        "sources.<name>.restoreTest.assert[].sql",
        "vaults.<name>.partsLimit",
        "keys.<name>[].keyId",
        "alerts.info[].slack.env",
      ]),
    );
  });

  it.each(keys.map(({ path, schema }) => [path, schema] as const))("%s says what it means", (_, schema) => {
    expect(schema.description).toMatch(/^[A-Z`].{3,}\.$/s);
  });

  it.each(
    keys
      .filter(
        ({ schema }) => schema.properties === undefined && schema.additionalProperties === undefined && schema.const === undefined,
      )
      .map(({ path, schema }) => [path, schema] as const),
  )("%s has an example", (_, schema) => {
    expect(schema.samples?.length).toBeGreaterThan(0);
  });

  it("stands in the reference", () => {
    const page = renderReference();
    const written = keys.map(({ path }) =>
      path.replace(/^alerts\.\w+\[\]/, "alerts.<severity>[]").replace(/^keys\.<name>\[\]/, "keys.<name>"),
    );
    expect(written.filter((path) => !page.includes(`| \`${path}\` |`))).toEqual([]);
  });

  it("has a reference whose tables are whole", () => {
    const rows = renderReference()
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    expect(rows.length).toBeGreaterThan(70);
    for (const row of rows) {
      const cells = row.split(/(?<!\\)\|/).slice(1, -1);
      expect(cells.length === 5 || cells.length === 3).toBe(true);
      expect(row).not.toMatch(/undefined|\[object/);
    }
  });
});

describe("the committed files", () => {
  it("are what the definition generates", () => {
    expect(readFileSync(join(root, "schema/holdfast.schema.json"), "utf8")).toBe(`${JSON.stringify(publishedSchema(), null, 2)}\n`);
    expect(readFileSync(join(root, "docs/policy-reference.md"), "utf8")).toBe(renderReference());
  });

  it("hold no keyword that JSON Schema does not know", () => {
    expect(ajv.validateSchema(publishedSchema())).toBe(true);
    expect(JSON.stringify(publishedSchema())).not.toMatch(/"(samples|defaultNote|form)":/);
  });
});

describe("the JSON Schema", () => {
  const accepted: readonly (readonly [string, string])[] = [
    ["the smallest policy", smallest],
    [
      "a policy of init for postgres",
      initialPolicy({ engine: "postgres", source: "shop", values: { connection: "env:A" }, vault: "folder:./v", keyPath: "~/k" }),
    ],
    [
      "a policy of init for files",
      initialPolicy({ engine: "files", source: "shop", values: { path: "/etc" }, vault: "s3://acme", keyPath: "~/k" }),
    ],
    ["the vault's long form", withTop("vaults: { main: { type: s3, bucket: acme, partsLimit: 1000 } }")],
    [
      "a vault that locks",
      withTop(
        "vaults: { main: { type: s3, bucket: acme, lock: { mode: compliance }, state: s3://acme-state, tiers: { warm: 30d } } }",
      ),
    ],
    ["a list of keys", withTop("keys: { main: [file:a, { type: kms, keyId: alias/a }] }")],
    [
      "every form of a channel",
      withTop("alerts: { critical: [email:a@b, slack:secret/x, { slack: { env: X } }, { email: a@b }] }"),
    ],
    [
      "assertions",
      withPostgres("restoreTest: { assert: [{ sql: select 1, equals: true }, { sql: select 1, atMost: 1.5, name: one }] }"),
    ],
    ["files", withFiles("exclude: [a]\nbackup: { full: 0 2 * * mon-fri }")],
  ];
  it.each(accepted)("accepts %s, as the parser does", (_, text) => {
    expect(messagesOf(text)).toEqual([]);
    expect(validate(parseYaml(text)) ? [] : validate.errors).toEqual([]);
  });

  const refused: readonly (readonly [string, string])[] = [
    ["an unknown key", withPostgres("retension: 1")],
    ["an unknown engine", smallest.replace("postgres", "oracle")],
    ["a key of another engine", withFiles("connection: env:A")],
    ["a kind that the engine does not make", withPostgres("backup: { log: 0 2 * * * }")],
    ["an empty retention", withPostgres("", "retention: {}")],
    ["a connection that is a URL", smallest.replace("env:SHOP_URL", "postgresql://a:b@c/d")],
    ["two places for one connection", smallest.replace("env:SHOP_URL", "{ env: A, secret: b }")],
    ["an assertion without an expectation", withPostgres("restoreTest: { assert: [{ sql: select 1 }] }")],
    ["an assertion with two", withPostgres("restoreTest: { assert: [{ sql: select 1, atLeast: 1, atMost: 2 }] }")],
    ["a duration without a unit", withPostgres('objectives: { rpo: "60" }')],
    ["a share without a percent sign", withPostgres("verify: { maxDrop: 0.5 }")],
    ["a wrong name", smallest.replace("shop:", "Shop:")],
    ["a vault that is only a path", withTop("vaults: { main: /srv }")],
    ["a lock without a state bucket", withTop("vaults: { main: { type: s3, bucket: acme, lock: { mode: governance } } }")],
    ["a lock on a folder", withTop("vaults: { main: { type: folder, path: /srv, lock: { mode: governance } } }")],
    ["no sources", withTop("sources: {}")],
    ["another version", withTop("version: 2")],
  ];
  it.each(refused)("refuses %s, as the parser does", (_, text) => {
    expect(messagesOf(text).length).toBeGreaterThan(0);
    expect(validate(parseYaml(text))).toBe(false);
  });

  it("has examples that the parser accepts where they stand", () => {
    const { properties } = describePolicy();
    const engines = (properties?.["sources"]?.additionalProperties || undefined)?.oneOf ?? [];
    for (const [engine, make, read] of [
      ["postgres", withPostgres, postgres],
      ["files", withFiles, files],
    ] as const) {
      const schema = engines.find((candidate) => candidate.properties?.["engine"]?.const === engine);
      for (const [key, { samples = [] }] of Object.entries(schema?.properties ?? {})) {
        if (["retention", "connection", "path", "engine"].includes(key)) continue;
        for (const sample of samples) expect(read(make(`${key}: ${flow(sample)}`)).name).toBe("shop");
      }
    }
    for (const key of ["timezone", "vaults", "keys"]) {
      for (const sample of properties?.[key]?.samples ?? []) expect(messagesOf(withTop(`${key}: ${flow(sample)}`))).toEqual([]);
    }
  });
});

describe("every policy in the repository", () => {
  const policies: readonly (readonly [string, string])[] = [
    ...["examples", "demo"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => /holdfast(\.local)?\.yml$/.test(path))
        .map((path) => [`${folder}/${path}`, readFileSync(join(root, folder, path), "utf8")] as const),
    ),
    ...readdirSync(root, { encoding: "utf8" })
      .concat(readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((path) => `docs/${path}`))
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        [...readFileSync(join(root, path), "utf8").matchAll(/```yaml\n(version: 1\n[\s\S]*?)```/g)].map(
          (match, index) => [`${path}, policy ${index + 1}`, match[1] ?? ""] as const,
        ),
      ),
  ];

  it("is found", () => {
    expect(policies.map(([name]) => name)).toContain("examples/taskmaster/holdfast.yml");
    expect(policies.map(([name]) => name)).toContain("examples/taskmaster/holdfast.local.yml");
  });

  it.each(policies)("%s is valid for the parser and the JSON Schema", (_, text) => {
    expect(messagesOf(text)).toEqual([]);
    expect(validate(parseYaml(text)) ? [] : validate.errors).toEqual([]);
  });
});

describe("TaskMaster's two policies", () => {
  const read = (name: string) =>
    parsePolicy(readFileSync(join(root, "examples/taskmaster", name), "utf8"), name, { ...places, home: "/home/backup" });
  const cloud = read("holdfast.yml");
  const local = read("holdfast.local.yml");

  it.each([
    ["in its AWS account", cloud],
    ["on one machine", local],
  ])("are what its backup procedures ask for, %s", (_, policy) => {
    expect(policy.timezone).toBe("UTC");
    const source = policy.sources["taskmaster"];
    expect(source).toMatchObject({
      engine: "postgres",
      objectives: { rpoSeconds: 86_400, rtoSeconds: 14_400 },
      schedules: { full: "0 2 * * *" },
      retention: { daily: 30, monthly: 12 },
      verify: { schedule: "0 3 * * 0" },
      restoreTest: { schedule: "0 4 1 * *" },
    });
    expect((source as PostgresSource).exclude.data).toContain("public.sessions");
    expect((source as PostgresSource).restoreTest.assertions).toHaveLength(3);
    expect(policy.alerts.critical?.length).toBeGreaterThan(0);
  });

  it("promise the same of the database, and differ in where its connection stands", () => {
    const promises = (policy: Policy) => ({ ...policy.sources["taskmaster"], connection: undefined, secrets: undefined });
    expect(promises(cloud)).toEqual(promises(local));
  });

  it("keep secrets where each can read them", () => {
    expect(cloud.sources["taskmaster"]).toMatchObject({ connection: { from: "secret", id: "taskmaster/db" } });
    expect(local.sources["taskmaster"]).toMatchObject({ connection: { from: "env", name: "TASKMASTER_DATABASE_URL" } });
    expect(local.sources["taskmaster-config"]?.engine).toBe("files");
  });
});
