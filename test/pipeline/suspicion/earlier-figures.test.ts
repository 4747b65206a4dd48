/**
 * Which earlier backups a new one is compared with, by what evidence, and which of them are recent.
 */
import { describe, expect, test } from "vitest";
import { readEarlierFigures } from "../../../src/pipeline/suspicion/earlier-figures.ts";
import type { BackupKind } from "../../../src/policy/policy.ts";
import type { CheckName } from "../../../src/vault/backup-state.ts";
import { listBackups } from "../../../src/vault/catalogue.ts";
import { appendEvidence } from "../../../src/vault/documents/evidence.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleEvidence, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";
import { signedVault, testSigner } from "../../support/signed-vault.ts";
import { toList } from "../../support/streams.ts";

const day = 86_400_000;
const judgedAt = Date.UTC(2026, 10, 20, 2);
const now = new Date(judgedAt + day);
const idOf = (msBefore: number, kind: BackupKind = "full"): string =>
  sampleId(new Date(judgedAt - msBefore).toISOString()).replace("-full-", `-${kind}-`);

type Check = readonly [CheckName, rows?: number];
const verified = (rows: number): Check => ["verified", rows];

/** A backup and what was found of it, the oldest first, and how many rows each check counted. */
async function add(store: MemoryStore, id: string, checks: readonly Check[]): Promise<void> {
  const { sha256 } = await commitSealed(store, sampleManifest("shop", id), memorySealing);
  for (const [index, [check, rows]] of checks.entries()) {
    const at = new Date(judgedAt + index * 1000).toISOString();
    const digest = rows === undefined ? {} : { digest: { algorithm: "a", objectCount: 1, rows, bytes: 8 * rows } };
    const evidence = { ...sampleEvidence("shop", id, check, at), manifestSha256: sha256, ...digest };
    await appendEvidence(signedVault(store), evidence, testSigner);
  }
}

/**
 * The rows of what the judged backup is compared with, how many of them are recent, and what was
 * said.
 */
async function compare(earlier: readonly (readonly [id: string, checks: readonly Check[]])[], judged = idOf(0)) {
  const store = makeMemoryStore();
  for (const [id, checks] of earlier) await add(store, id, checks);
  if (!earlier.some(([id]) => id === judged)) await add(store, judged, []);
  const { context } = makeMemoryContext({ now });
  const said: unknown[] = [];
  const log = { ...context.run.log, warn: (...what: unknown[]) => void said.push(what) };
  const entry = (await toList(listBackups(signedVault(store), { now }))).find(({ id }) => id === judged);
  if (entry === undefined) throw new Error("not listed");
  const found = { entry, vault: memoryVault(store) };
  const { history, recentCount } = await readEarlierFigures({ ...context, run: { ...context.run, log } }, found);
  const rows = history.map(({ parts }) => [...parts.values()].map((part) => part.rows).join());
  return { rows: rows.join(" "), recentCount, said };
}

describe("what a backup is compared with", () => {
  test("is what was verified or proven of its kind before it, oldest first, by the newest reading back", async () => {
    const compared = await compare([
      [idOf(5 * day), [verified(1), ["suspicious", 2], verified(3), ["proven", 99]]],
      [idOf(4 * day), [["proven"], verified(4)]],
      [idOf(3 * day, "incremental"), [verified(98)]],
      [idOf(2 * day), [verified(5)]],
      [idOf(0), [["proven", 97], verified(96)]],
      [idOf(-1000), [verified(95)]],
    ]);
    expect(compared).toEqual({ rows: "3 4 5", recentCount: 3, said: [] });
  });

  test.each<[string, readonly Check[]]>([
    ["was never checked", []],
    ["was found damaged", [verified(9), ["damaged"]]],
    ["was found disproven", [verified(9), ["disproven"]]],
    ["is suspicious", [verified(9), ["suspicious", 9]]],
  ])("is nothing that %s", async (_, checks) => {
    const compared = await compare([
      [idOf(2 * day), [verified(1)]],
      [idOf(day), checks],
    ]);
    expect(compared).toEqual({ rows: "1", recentCount: 1, said: [] });
  });

  test("is what was found suspicious and accepted since, by the figures of then", async () => {
    const compared = await compare([[idOf(day), [["suspicious", 7], ["accepted"]]]]);
    expect(compared).toMatchObject({ rows: "7", said: [] });
  });

  test("is none whose evidence says no figures: that is said, and names it", async () => {
    const compared = await compare([
      [idOf(3 * day), [["proven"]]],
      [idOf(2 * day), [["verified"]]],
      [idOf(day), [verified(1)]],
    ]);
    const said = (id: string) => [expect.stringContaining("cannot be compared with"), { backup: id }];
    expect(compared).toEqual({ rows: "1", recentCount: 1, said: [said(idOf(3 * day)), said(idOf(2 * day))] });
  });
});

describe("what is recent", () => {
  test("began in the last thirty days, to the second", async () => {
    const compared = await compare([
      [idOf(30 * day + 1000), [verified(1)]],
      [idOf(30 * day), [verified(2)]],
      [idOf(day), [verified(3)]],
    ]);
    expect(compared).toMatchObject({ rows: "1 2 3", recentCount: 2 });
  });

  test("begins anew with what a person accepted", async () => {
    const accepted: readonly Check[] = [["suspicious", 2], ["accepted"]];
    const compared = await compare([
      [idOf(5 * day), [verified(1)]],
      [idOf(4 * day), accepted],
      [idOf(3 * day), [verified(3)]],
      [idOf(2 * day), [verified(4)]],
    ]);
    expect(compared).toMatchObject({ rows: "1 2 3 4", recentCount: 3 });
    const last = await compare([
      [idOf(5 * day), [verified(1)]],
      [idOf(4 * day), accepted],
    ]);
    expect(last).toMatchObject({ rows: "1 2", recentCount: 1 });
  });
});
