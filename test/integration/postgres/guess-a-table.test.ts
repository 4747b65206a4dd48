/**
 * A table with one row, a number of five digits: somebody with the vault and without the key tries
 * all numbers, in every way that documents could confirm one.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDigest } from "../../../src/pipeline/opening/digest-keys.ts";
import type { ContentDigest } from "../../../src/proof/content.ts";
import { openDigestKey } from "../../../src/sealing/digest-key.ts";
import { openKeys } from "../../../src/sealing/keys.ts";
import type { Evidence } from "../../../src/vault/documents/evidence.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import { searchVault } from "../../support/guess-content.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";

const pin = "48151";
let server: PostgresServer;
let project: Project;

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  await server.sql("create database shop");
  await server.sql(`create table pin (pin int default ${pin}); insert into pin values (${pin})`, "shop");
  await server.sql(`create sequence counter start ${pin}`, "shop");
  const sources = postgresSource("shop", "SHOP_URL", "    sourceCheck: content\n");
  project = await createProject({ sources, env: { SHOP_URL: server.urlOf("shop") }, majors: [17] });
});
afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await server?.remove();
});

/** What a holder of the key file reads in a piece of evidence. */
async function digestWithKey({ source, backupId, digest }: Evidence, vaultId: string): Promise<ContentDigest | undefined> {
  if (digest?.digestKeyId === undefined) throw new Error("the evidence has no digest");
  const keys = await openKeys({ name: "main", keys: [{ type: "file", path: project.keyFile }] });
  const sealed = await readFile(join(project.vault, keyOf.digestKey(source, backupId)));
  const key = await openDigestKey(sealed, digest.digestKeyId, { keys, context: { vaultId, source, backupId } });
  return "problem" in key ? undefined : openDigest(digest, key);
}

test("no number of all is confirmed by anything in the vault, after a backup, a verification and a restore test", async () => {
  expect((await project.holdfast(["backup", "shop"])).code).toBe(0);
  const tested = await project.holdfast(["restore-test", "shop@latest"]);
  expect([tested.code, tested.stderr]).toEqual([0, expect.anything()]);
  const names = await readdir(project.vault, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const objects = await Promise.all(files.map((file) => readFile(file)));
  const documents = files.flatMap((file, at) => (file.endsWith(".json") ? [String(objects[at])] : []));
  const evidence = documents.filter((text) => text.includes('"check":"'));
  expect(evidence.map((text) => JSON.parse(text).check).sort()).toEqual(["proven", "verified"]);
  expect(documents.join("\n")).toContain("table public.pin");
  const { vaultId } = JSON.parse(documents.find((text) => text.includes('"vaultId"')) ?? "{}");
  const manifest = JSON.parse(documents.find((text) => text.includes('"sourceCheck":{"mode":"content"')) ?? "{}");
  const search = searchVault(objects, [vaultId, "shop", manifest.id, manifest.digestKeyId]);

  // The table as a content digest has it (its columns, and its rows as pg_dump writes them), the
  // row as the server hashes it, and a definition that quotes it.
  const sha256 = (text: string) => createHash("sha256").update(text);
  const tableOf = (number: string) => sha256(`["pin"]${sha256(`${number}\n`).digest("hex")}`).digest();
  const numbers = Array.from({ length: 100_000 }, (_, number) => String(number).padStart(5, "0"));
  const forms = [`${pin}\n`, pin, `(${pin})`, `CREATE TABLE public.pin (\n    pin integer DEFAULT ${pin}\n);`];
  expect(numbers.filter((number) => search.has(tableOf(number)))).toEqual([]);
  expect([...forms.map((form) => Buffer.from(form)), tableOf(pin)].flatMap((form) => search.find(form))).toEqual([]);

  // With the key it is there: the guess is of the right form.
  const digest = await digestWithKey(JSON.parse(evidence.find((text) => text.includes('"check":"verified"')) ?? "{}"), vaultId);
  expect(digest?.objects?.find(({ object }) => object === "table public.pin")?.sha256).toBe(tableOf(pin).toString("hex"));

  const hash = await server.sql("select hashtextextended(row(pin)::text, 0) from pin", "shop");
  expect(documents.join("\n")).not.toContain(String(hash).trim());
  expect(documents.join("\n")).not.toContain(pin);
});
