/**
 * Histories with an accident at any moment, for the property that something from before it
 * survives; and attacks on a vault without its key.
 */

import { createPipelineContext, type PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import type { Retention } from "../../src/policy/policy.ts";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import { commitManifest, encodeManifest, readManifest } from "../../src/vault/documents/manifest.ts";
import { initVault } from "../../src/vault/documents/vault.ts";
import { keyOf, newBackupId } from "../../src/vault/layout.ts";
import { backupAt } from "../retention/histories.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleEvidence, sampleManifest } from "../support/sample-backups.ts";
import { commitSealed, memoryKeys } from "../support/sealed-backups.ts";
import { signedNames, signedVault, signerOf, testSigner, testVerifier } from "../support/signed-vault.ts";
import { randomOf } from "./databases.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const firstMs = Date.UTC(2026, 2, 1, 2);

/** The number of the UTC day of an instant. */
const dayOf = (ms: number): number => Math.floor(ms / dayMs);

export interface AccidentRun {
  readonly retention: Retention;
  readonly accidentMs: number;
  /** What the run found to be wrong; undefined when everything that was promised was there. */
  readonly broken?: string;
}

/**
 * Lives through a history: backups at a random pace, some of them proven later, some failing; an
 * accident; then backups of what it left, which are found suspicious or are not. Pruned after each.
 * Says what was promised and is gone.
 */
export function runAccident(seed: number): AccidentRun {
  const random = randomOf(seed);
  const whole = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
  const pick = <T>(...options: T[]): T => options[whole(0, options.length - 1)] as T;
  const retention: Retention = {
    minAgeSeconds: pick(48, 48, 48, 72, 168) * 3600,
    maxRemovalShare: pick(0.5, 1),
    ...pick<Partial<Retention>>(
      { keepLast: whole(1, 4) },
      { daily: whole(1, 10) },
      { daily: whole(2, 7), monthly: whole(1, 3) },
      { weekly: whole(1, 4), keepLast: 1 },
      { keepWithinSeconds: whole(1, 9) * 86_400 },
    ),
  };
  const paceMs = pick(hourMs, 6 * hourMs, 12 * hourMs, dayMs);
  const [before, after] = [whole(1, 60), whole(1, 80)];
  const accidentMs = firstMs + Math.floor((before - random()) * paceMs);
  const isFound = random() < 0.5;
  const panic = random() < 0.7;
  let backups: RetentionBackup[] = [];
  let broken: string | undefined;

  const back = (atMs: number): void => {
    const isBad = atMs >= accidentMs;
    const state = random() < 0.05 ? "stored" : random() < 0.25 ? "proven" : "verified";
    backups.push(backupAt(Math.floor(atMs / 1000) * 1000, { state, suspicious: isBad && isFound && state !== "stored" }));
    const plan = planRetention(backups, retention, { now: new Date(atMs + 60_000), timezone: "UTC" });
    const released = plan.refusal === undefined ? new Set(plan.released) : new Set<string>();
    broken ??= findBroken(backups, released, atMs + 60_000, { retention, accidentMs, isFound });
    backups = backups.filter(({ id }) => !released.has(id));
  };

  const times = Array.from({ length: before + after }, (_, index) => firstMs + index * paceMs);
  // What people do first when data are gone: more backups, seconds after one another.
  if (panic) for (let index = 1; index <= 4; index++) times.push(accidentMs + index * 30_000);
  for (const atMs of times.sort((a, b) => a - b)) back(atMs);
  return { retention, accidentMs, ...(broken === undefined ? {} : { broken }) };
}

function findBroken(
  backups: readonly RetentionBackup[],
  released: ReadonlySet<string>,
  nowMs: number,
  { retention, accidentMs, isFound }: { readonly retention: Retention; readonly accidentMs: number; readonly isFound: boolean },
): string | undefined {
  const good = backups.filter(({ startedAtMs }) => startedAtMs < accidentMs);
  const trusted = good.filter(({ state }) => state !== "stored");
  if (nowMs < accidentMs || trusted.length === 0) return undefined;
  const gone = good.filter(({ id }) => released.has(id));
  // Whoever noticed is asked first: nothing from before goes while the newest is suspicious.
  const isNoticed = backups.some(({ startedAtMs, suspicious }) => startedAtMs >= accidentMs && suspicious);
  if (isFound && isNoticed && gone.length > 0) return `${gone[0]?.id} was released while the newest backup was suspicious`;
  const young = gone.find(({ startedAtMs }) => nowMs - startedAtMs < retention.minAgeSeconds * 1000);
  if (young !== undefined) return `${young.id} was released before its time`;
  const newestGood = trusted.reduce((a, b) => (a.startedAtMs > b.startedAtMs ? a : b));
  if (!released.has(newestGood.id)) return undefined;
  if (nowMs - accidentMs < retention.minAgeSeconds * 1000) return `${newestGood.id} was released too soon after the accident`;
  const sinceMs = nowMs - newestGood.startedAtMs;
  if (sinceMs < (retention.keepWithinSeconds ?? 0) * 1000) return `${newestGood.id} was released within keepWithin`;
  const later = backups.filter(
    ({ startedAtMs, state, suspicious }) => startedAtMs > accidentMs && state !== "stored" && !suspicious,
  );
  if (later.length < (retention.keepLast ?? 0)) return `${newestGood.id} was released though it is one of the last`;
  const laterDays = new Set(
    later.map(({ startedAtMs }) => dayOf(startedAtMs)).filter((day) => day > dayOf(newestGood.startedAtMs)),
  );
  const isDaysNewest = later.every(({ startedAtMs }) => dayOf(startedAtMs) !== dayOf(newestGood.startedAtMs));
  if (isDaysNewest && laterDays.size < (retention.daily ?? 0)) return `${newestGood.id} was released though it stands for its day`;
  return undefined;
}

const policyText = (retention: string): string =>
  "version: 1\nvaults: { main: folder:/nowhere }\nkeys: { main: file:/nowhere.key }\nsources:\n" +
  `  tree: { engine: files, path: /tree, retention: { ${retention} } }\n`;

export interface AttackedVault {
  readonly store: MemoryStore;
  readonly context: PipelineContext;
  /**
   * The backups that were really made, as they are; those that the attack destroyed are not among
   * them.
   */
  readonly genuine: readonly RetentionBackup[];
  readonly attack: string;
  /** Backups whose manifest the attack deleted: what is left of them must stay for 48 hours. */
  readonly deleted: readonly string[];
  forward(ms: number): void;
}

const keys = memoryKeys();
const otherKeys = memoryKeys(2);

const attacks = [
  "empty manifests with empty proof",
  "manifests of nonsense with proof of nonsense",
  "backdated empty manifests with empty proof",
  "the newest manifests overwritten",
  "the newest evidence overwritten",
  "evidence from the future",
  "manifests deleted",
  "evidence deleted",
  "manifests deleted, and versions keep them",
  "ids from the future",
  "tombstones beside deleted manifests",
  "tombstones beside deleted manifests and evidence, and versions keep them",
  "whole manifests with whole proof",
  "backdated whole manifests with whole proof",
  "whole damage of real backups",
  "whole manifests sealed with another key",
  "whole manifests with a real backup's seal",
  "the newest manifests changed, and whole proof of them",
] as const;

/**
 * A vault with a history of its own, on which somebody with the right to write (or delete), and
 * without the key, did one thing.
 */
export async function attackVault(seed: number): Promise<AttackedVault> {
  const random = randomOf(seed);
  const whole = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
  const bytes = (count: number): Uint8Array => Buffer.from(Array.from({ length: count }, () => whole(0, 255)));
  let nowMs = firstMs;
  const store = makeMemoryStore(() => new Date(nowMs));
  const rules = [`keepLast: ${whole(1, 4)}`, `daily: ${whole(1, 9)}`, `daily: ${whole(2, 5)}, monthly: 2`][whole(0, 2)];
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const minAgeMs = random() < 0.3 ? 0 : 48 * hourMs;
  const text = policyText(`${rules}, maxRemoval: 100%, minAge: ${minAgeMs === 0 ? "none" : "48h"}`);
  const context = openContext(text, store, clock, bytes);
  const options = { clock, randomBytes: bytes, holdfastVersion: "0.1.0", restoreInstructions: async () => "" };
  const sealing = { keys, vaultId: (await initVault(store, options)).vaultId };

  const genuine: RetentionBackup[] = [];
  const pace = [6 * hourMs, dayMs][whole(0, 1)] as number;
  for (let count = whole(2, 14); count > 0; count--) {
    nowMs += pace;
    const id = newBackupId(new Date(nowMs), "full", bytes);
    await commitSealed(store, sampleManifest("tree", id), sealing);
    await store.put(keyOf.artifact("tree", id, "database.dump"), Buffer.from("xy"));
    const { sha256: manifestSha256 } = await readManifest(store, "tree", id);
    const state = random() < 0.3 ? ("proven" as const) : ("verified" as const);
    const at = new Date(nowMs + 60_000).toISOString();
    const evidence = { ...sampleEvidence("tree", id, state, at), manifestSha256 };
    await appendEvidence(signedVault(store, sealing.vaultId), evidence, testSigner);
    genuine.push({ id, kind: "full", startedAtMs: Math.floor(nowMs / 1000) * 1000, state, suspicious: false, held: false });
  }
  nowMs += 10 * 60_000;

  const destroyed = new Set<string>();
  const newest = genuine.slice(-whole(1, Math.min(4, genuine.length)));
  const vault = signedVault(store, sealing.vaultId);
  /** Names as somebody can make them who has a key of their own, and not the vault's. */
  const names = signedNames(sealing.vaultId, 99);
  const write = (key: string, content: string | Uint8Array): void => {
    store.objects.set(key, { bytes: Buffer.from(content), modifiedAt: new Date(nowMs) });
  };
  const plant = (atMs: number, content: string, evidenceMs = nowMs): void => {
    const id = newBackupId(new Date(atMs), "full", bytes);
    write(keyOf.manifest("tree", id), content);
    write(names.evidence("tree", id, new Date(evidenceMs), "proven", Buffer.from(content)), content);
  };
  const deleted: string[] = [];
  const prove = async (id: string, check: "proven" | "damaged", atMs: number): Promise<void> => {
    const { sha256: manifestSha256 } = await readManifest(store, "tree", id);
    const evidence = { ...sampleEvidence("tree", id, check, new Date(atMs).toISOString()), manifestSha256 };
    await appendEvidence(vault, evidence, signerOf(99));
  };
  const plantWhole = async (atMs: number, seal: (id: string) => Promise<void> = async () => undefined): Promise<void> => {
    const id = newBackupId(new Date(atMs), "full", bytes);
    await seal(id);
    await commitManifest(store, sampleManifest("tree", id));
    await store.put(keyOf.artifact("tree", id, "database.dump"), Buffer.from("xy"));
    await prove(id, "proven", atMs);
  };
  const evidenceOf = (id: string): string[] =>
    [...store.objects.keys()].filter((key) => key.startsWith(keyOf.evidencePrefix("tree", id)));
  const attack = attacks[seed % attacks.length] as (typeof attacks)[number];
  switch (attack) {
    case "empty manifests with empty proof":
      for (let index = 0; index < 12; index++) plant(nowMs - index * 1000, "");
      break;
    case "manifests of nonsense with proof of nonsense":
      for (let index = 0; index < 12; index++) plant(nowMs - index * 1000, '{"formatVersion":2}');
      break;
    case "backdated empty manifests with empty proof":
      for (const { startedAtMs } of genuine) plant(startedAtMs + 300_000, "", startedAtMs + 400_000);
      break;
    case "the newest manifests overwritten":
      for (const { id } of newest) {
        write(keyOf.manifest("tree", id), "{}");
        destroyed.add(id);
      }
      break;
    case "the newest evidence overwritten":
      for (const { id } of newest) {
        for (const key of evidenceOf(id)) write(key, "{}");
        destroyed.add(id);
      }
      break;
    case "evidence from the future":
      for (let index = 0; index < 6; index++) plant(nowMs - index * 1000, "", Date.UTC(9998, 1, 1));
      break;
    case "manifests deleted":
    case "manifests deleted, and versions keep them":
      for (const { id } of newest) {
        store.objects.delete(keyOf.manifest("tree", id));
        if (attack !== "manifests deleted") {
          for (const key of evidenceOf(id)) store.objects.delete(key);
          store.hidden.set(keyOf.manifest("tree", id), new Date(nowMs));
        }
        destroyed.add(id);
      }
      break;
    case "evidence deleted":
      for (const { id } of newest) {
        for (const key of evidenceOf(id)) store.objects.delete(key);
        destroyed.add(id);
      }
      break;
    case "tombstones beside deleted manifests":
    case "tombstones beside deleted manifests and evidence, and versions keep them":
      for (const { id } of newest) {
        write(names.tombstone("tree", id, Buffer.from("{}"), new Date(nowMs)), "{}");
        store.objects.delete(keyOf.manifest("tree", id));
        if (attack !== "tombstones beside deleted manifests") {
          store.hidden.set(keyOf.manifest("tree", id), new Date(nowMs));
          for (const key of evidenceOf(id)) {
            store.objects.delete(key);
            store.hidden.set(key, new Date(nowMs));
          }
        }
        destroyed.add(id);
        deleted.push(id);
      }
      break;
    case "whole manifests with whole proof":
      for (let index = 0; index < 12; index++) await plantWhole(nowMs - index * 1000);
      break;
    case "backdated whole manifests with whole proof":
      for (const { startedAtMs } of genuine) await plantWhole(startedAtMs + 300_000);
      break;
    case "whole damage of real backups":
      for (const { id } of genuine) await prove(id, "damaged", nowMs);
      await plantWhole(nowMs);
      break;
    case "whole manifests sealed with another key":
      for (let index = 0; index < 6; index++) {
        await plantWhole(nowMs - index * 1000, async (id) => {
          await commitSealed(store, sampleManifest("tree", id), { ...sealing, keys: otherKeys });
        });
      }
      break;
    case "whole manifests with a real backup's seal":
      for (const { id: real, startedAtMs } of genuine) {
        const { bytes: seal = Buffer.alloc(0) } = store.objects.get(keyOf.manifestSeal("tree", real)) ?? {};
        await plantWhole(startedAtMs + 300_000, async (id) => write(keyOf.manifestSeal("tree", id), seal));
      }
      break;
    case "the newest manifests changed, and whole proof of them":
      for (const { id } of newest) {
        const changed = encodeManifest(sampleManifest("tree", id, { policySha256: "f".repeat(64) }));
        write(keyOf.manifest("tree", id), changed.bytes);
        for (const key of evidenceOf(id)) store.objects.delete(key);
        await prove(id, "proven", nowMs);
        destroyed.add(id);
      }
      break;
    case "ids from the future":
      for (let index = 1; index < 9; index++) plant(nowMs + index * dayMs, "");
  }
  return {
    store,
    context,
    attack,
    genuine: genuine.filter(({ id }) => !destroyed.has(id)),
    deleted,
    forward: (ms) => {
      nowMs += ms;
    },
  };
}

function openContext(
  text: string,
  store: MemoryStore,
  clock: PipelineContext["run"]["clock"],
  randomBytes: (count: number) => Uint8Array,
): PipelineContext {
  const policy = parsePolicy(text, "/holdfast.yml", { directory: "/", home: "/" });
  const run = {
    clock,
    randomBytes,
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: () => undefined },
    progress: { phase: () => undefined, advance: () => undefined },
    temporaryDirectory: "/nowhere",
    toolPath: [],
    identity: "test:1",
    environment: {},
  };
  const context = createPipelineContext(policy, run as unknown as PipelineContext["run"], "0.1.0");
  return {
    ...context,
    storeOf: async () => store,
    stateStoreOf: async () => store,
    keysOf: async () => keys,
    signerOf: async () => testSigner,
    verifier: async () => testVerifier,
  };
}
