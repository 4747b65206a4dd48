/** The deployed policy: what a function knows of it is never older than a minute. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readPolicy } from "../../functions/commons/read-policy.ts";
import { packPolicy } from "../../src/policy/packed-policy.ts";
import type { Clock } from "../../src/runtime/clock.ts";

let directory: string;
let place: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-policy-"));
  place = `file:${join(directory, "policy")}`;
});

afterEach(() => rm(directory, { recursive: true }));

const at = (seconds: number): Clock => ({ now: () => new Date(1_800_000_000_000 + seconds * 1000), monotonicMs: () => 0 });
const text = (source: string): string =>
  `version: 1\nvaults: { main: folder:/vault }\nkeys: { main: file:/key }\nsources: { ${source}: { engine: files, path: /tree, retention: { daily: 1 } } }\n`;
const write = (value: string): Promise<void> => writeFile(join(directory, "policy"), value);
const sources = async (seconds: number): Promise<string[]> => Object.keys((await readPolicy(place, at(seconds))).sources);

it("is read again after a minute, so that a warm function learns of a new source", async () => {
  await write(text("one"));
  expect(await sources(0)).toEqual(["one"]);
  await write(text("two"));
  expect(await sources(59)).toEqual(["one"]);
  expect(await sources(61)).toEqual(["two"]);
});

it("is parsed again only when it has changed", async () => {
  await write(text("one"));
  const first = await readPolicy(place, at(0));
  expect(await readPolicy(place, at(100))).toBe(first);
});

it("may be compressed", async () => {
  const packed = packPolicy(`${text("packed")}# ${"a long remark ".repeat(10_000)}\n`);
  expect(packed).not.toContain("sources");
  await write(packed);
  expect(await sources(0)).toEqual(["packed"]);
});

it("that is nowhere, or is none, has an error of its own", async () => {
  await expect(readPolicy(`${place}.gone`, at(0))).rejects.toMatchObject({ name: "PolicyNotFound" });
  await expect(readPolicy("https://example.com/policy", at(0))).rejects.toMatchObject({ name: "PolicyNotFound" });
  await write("version: 1\nsources: 7\n");
  await expect(readPolicy(place, at(0))).rejects.toMatchObject({ name: "PolicyInvalid" });
});
