/**
 * How many requests a run makes of a source whose logs build on each other: a log's run is bounded,
 * and the others read no more manifests of logs than those that begin a series. The manifests of
 * all other logs but the newest cannot be read.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { writeDigestKey } from "../../src/pipeline/opening/digest-keys.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planPrune } from "../../src/pipeline/prune.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import type { Manifest } from "../../src/vault/documents/manifest.ts";
import { initVault } from "../../src/vault/documents/vault.ts";
import { keyOf, newBackupId } from "../../src/vault/layout.ts";
import { type CountingStore, makeCountingStore } from "../support/counting-store.ts";
import { sampleEvidence, sampleManifest } from "../support/sample-backups.ts";
import { commitSealed } from "../support/sealed-backups.ts";
import { signedNames } from "../support/signed-vault.ts";
import { createToyProject, type ToyProject } from "./toy-project.ts";

const minuteMs = 60_000;
const nowMs = Date.UTC(2026, 0, 10);
const fullCount = 700;
/** 10,000 in the run whose figures docs/performance.md has: their signatures take a while. */
const manyLogs = Number(process.env["HOLDFAST_LOGS"] ?? 3000);
/** So many of the newest logs can be read; a status follows a hundred links. */
const readable = 130;
const suffix = (count: number): Uint8Array => Buffer.alloc(count, 1);

let project: ToyProject;
beforeAll(async () => {
  project = await createToyProject("{ daily: 1000, recoveryWindow: 30d, maxRemoval: 100%, minAge: none }");
  await project.write(Array.from({ length: 20_000 }, (_, index) => `line ${index}`));
});
afterAll(() => project[Symbol.asyncDispose]());

interface Written {
  readonly id: string;
  readonly sha256: string;
  readonly to: { readonly at: string; readonly mark: string; readonly line: string };
}

/** A backup as its dump and its verification leave it. */
async function commit(context: PipelineContext, atMs: number, kind: BackupKind, base?: Written): Promise<Written> {
  const id = newBackupId(new Date(atMs), kind, suffix, base?.id);
  const vault = await context.vaultOf("main");
  const sealing = { keys: await context.keysOf("main"), vaultId: vault.id };
  const digestKey = await writeDigestKey({ store: vault.store, ...sealing, source: "bear", backupId: id }, context.run);
  const to = { at: new Date(atMs).toISOString(), mark: String(Math.round((nowMs - atMs) / minuteMs)), line: "1" };
  const coverage = base === undefined ? { to } : { from: base.to, to };
  const record = base === undefined ? null : { id: base.id, manifestSha256: base.sha256 };
  const change: Partial<Manifest> = { engine: "toy", facts: { lines: 1 }, base: record, coverage, digestKeyId: digestKey.id };
  const { sha256 } = await commitSealed(vault.store, sampleManifest("bear", id, change), sealing);
  const evidence = sampleEvidence("bear", id, "verified", new Date(atMs + 1000).toISOString());
  await appendEvidence(vault, { ...evidence, manifestSha256: sha256 }, await context.signerOf("bear"));
  return { id, sha256, to };
}

/** Daily fulls, and so many logs, one a minute, which begin anew on each full. */
async function fill(logs: number): Promise<void> {
  project.useVault();
  const context = await project.open(0);
  const { clock, randomBytes } = context.run;
  await initVault(project.vault, { clock, randomBytes, holdfastVersion: "0", restoreInstructions: async () => "text" });
  const names = signedNames((await context.vaultOf("main")).id);
  let newestFull: Written | undefined;
  let last: Written | undefined;
  let toBegin: Written | undefined;
  for (let minute = fullCount * 1440 + 30; minute > 0; minute -= 1) {
    const atMs = nowMs - minute * minuteMs;
    if (minute % 1440 === 30) newestFull = await commit(context, atMs, "full");
    if (minute > logs || newestFull === undefined) continue;
    const isFirst = last === undefined || toBegin !== undefined;
    const base = isFirst ? (toBegin ?? newestFull) : last;
    const isRead = isFirst || last?.id.includes("-first-") === true || minute <= readable;
    // The log after a full reaches it, and the one after that begins on it.
    toBegin = minute % 1440 === 29 ? newestFull : undefined;
    if (isRead && base !== undefined) last = await commit(context, atMs + 1000, "log", base);
    else {
      const id = newBackupId(new Date(atMs + 1000), "log", suffix, base?.id);
      for (const key of [keyOf.manifest("bear", id), keyOf.manifestSeal("bear", id), keyOf.artifact("bear", id, "log")])
        project.vault.objects.set(key, { bytes: Buffer.from("{}"), modifiedAt: new Date(atMs) });
      const evidence = names.evidence("bear", id, new Date(atMs + 2000), "verified");
      project.vault.objects.set(evidence, { bytes: Buffer.from("{}"), modifiedAt: new Date(atMs) });
      const to = { at: new Date(atMs + 1000).toISOString(), mark: String(minute), line: "1" };
      last = { id, sha256: "0".repeat(64), to };
    }
  }
}

type Counted = Readonly<Record<string, CountingStore["requests"]>>;

async function countAll(logs: number): Promise<Counted> {
  await fill(logs);
  const counts: Record<string, CountingStore["requests"]> = {};
  const count = async (name: string, work: (context: PipelineContext) => Promise<unknown>): Promise<void> => {
    const context = await project.open(0.5);
    const store = makeCountingStore(project.vault);
    await work({ ...context, storeOf: async () => store });
    counts[name] = { ...store.requests };
  };
  await count("backup, a log", (context) => dumpSource(context, { source: "bear", kind: "log" }));
  await count("backup, an incremental", (context) => dumpSource(context, { source: "bear", kind: "incremental" }));
  await count("status, watch", (context) => measureSources(context, Object.values(context.policy.sources)));
  await count("prune --dry-run", (context) => planPrune(context, "bear"));
  return counts;
}

describe("requests of a run, of a source whose logs build on each other", () => {
  it("are bounded for a log, and grow by listings and the logs that begin a series for the others", async () => {
    const few = await countAll(1000);
    const many = await countAll(manyLogs);
    const cell = (of: Counted, name: string) => `${of[name]?.list}+${of[name]?.other}`.padStart(9);
    const lines = Object.keys(few).map((name) => `${name.padEnd(26)}${cell(few, name)}${cell(many, name)}`);
    console.log([`listings + other requests, at 1,000 and ${manyLogs} logs`, ...lines].join("\n"));
    for (const name of ["backup, a log", "backup, an incremental"]) {
      const { list = 0, other = 0 } = many[name] ?? {};
      expect(list, name).toBeLessThanOrEqual(45);
      expect(other, name).toBeLessThanOrEqual(70);
      expect(list, name).toBeLessThanOrEqual((few[name]?.list ?? 0) + 3);
    }
    const days = manyLogs / 1440;
    for (const name of Object.keys(many)) {
      // Of each series the first log and the one after it; two requests each.
      expect(many[name]?.other, name).toBeLessThanOrEqual((few[name]?.other ?? 0) + 4 * days + 8);
      expect(many[name]?.list, name).toBeLessThanOrEqual((few[name]?.list ?? 0) + (3 * manyLogs) / 1000 + 2);
    }
  }, 480_000);
});
