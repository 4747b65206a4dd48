/**
 * What a verification says of a backup, and by what: its own bytes, the source's counts, earlier
 * checks, and the backups before it.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Engine, Inspection } from "../../src/engines/engine.ts";
import { acceptBackup } from "../../src/pipeline/accept.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { openDigest, readDigestKey } from "../../src/pipeline/opening/digest-keys.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { type VerifyResult, verifyBackup } from "../../src/pipeline/verify.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import type { SourceCheckResult } from "../../src/proof/content.ts";
import type { RecordedDigest } from "../../src/proof/recorded-digest.ts";
import { canonicalJson } from "../../src/vault/documents/canonical-json.ts";
import { appendEvidence, type Evidence } from "../../src/vault/documents/evidence.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { commitSealed } from "../support/sealed-backups.ts";
import { idOf, newestEvidence, signedVault, testSigner } from "../support/signed-vault.ts";

let project: FilesProject;
let memory: MemoryStore;

beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(async () => {
  await project.writePolicy(treePolicy);
  memory = makeMemoryStore();
});

interface Options {
  readonly minutesAgo?: number;
  readonly warnings?: string[];
  readonly kind?: BackupKind;
  /** Changes what the source says of itself when it is dumped. */
  readonly sourceCheck?: (check: SourceCheckResult) => SourceCheckResult;
}

async function open({ minutesAgo = 0, warnings, sourceCheck }: Options = {}): Promise<PipelineContext> {
  const context = await project.open({
    shiftMs: -minutesAgo * 60_000,
    wrapStore: () => memory,
    ...(warnings === undefined ? {} : { warnings }),
  });
  if (sourceCheck === undefined) return context;
  return {
    ...context,
    async engineOf(name): Promise<Engine> {
      const engine = await context.engineOf(name);
      return {
        ...engine,
        async openDump(...args) {
          const session = await engine.openDump(...args);
          const ask = session.sourceCheck.bind(session);
          return Object.assign(session, { sourceCheck: async () => sourceCheck(await ask()) });
        },
      };
    },
  };
}

/** The trees that were made, by their number of files; the one in use is the source. */
const trees = new Set<number>();
let inUse = 0;

/** Dumps a tree of so many files; gives the id. */
async function dump(files: number, options: Options): Promise<string> {
  const tree = join(project.directory, "tree");
  const asideFor = (count: number): string => join(project.directory, `aside-${count}`);
  await rename(tree, asideFor(inUse));
  if (trees.has(files)) await rename(asideFor(files), tree);
  else {
    await mkdir(tree);
    for (let index = 0; index < files; index += 1) await writeFile(join(tree, `file ${index}`), "x".repeat(20));
    trees.add(files);
  }
  inUse = files;
  return (await dumpSource(await open(options), { source: "tree", kind: options.kind ?? "full" })).backupId;
}

async function verify(id: string, options: Options = {}): Promise<VerifyResult> {
  const context = await open(options);
  return verifyBackup(context, await project.find(id, context));
}

const outcomeOf = async (id: string): Promise<string> => (await verify(id)).outcome;

describe("what the engine says of a backup's content", () => {
  const inspecting = async (id: string, inspection: Inspection): Promise<VerifyResult> => {
    const context = await open();
    const engineOf = async (name: string): Promise<Engine> => ({
      ...(await context.engineOf(name)),
      inspect: async () => inspection,
    });
    return verifyBackup({ ...context, engineOf }, await project.find(id, context));
  };

  test("is enough where only a restore shows what it holds: there is nothing to compare", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    expect(await inspecting(id, { problems: [] })).toMatchObject({ outcome: "verified", findings: [], rows: 0, objectCount: 0 });
    expect(await inspecting(id, { problems: [] })).toMatchObject({ digest: undefined });
  });

  test("is damage where it found something wrong, with and without figures", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    const { digest } = await verify(id);
    for (const figures of [{}, digest === undefined ? {} : { digest }]) {
      const result = await inspecting(id, { problems: ["a page is torn"], ...figures });
      expect(result).toMatchObject({ outcome: "damaged", findings: ["a page is torn"] });
    }
  });
});

test("an engine is asked under a mark that says what for, and what it unpacks counts for no progress", async () => {
  const id = await dump(5, { minutesAgo: 5 });
  const context = await open();
  const marks: string[] = [];
  const engineOf = async (name: string): Promise<Engine> => ({
    ...(await context.engineOf(name)),
    async inspect(_, { progress }) {
      progress.advance(1_000_000);
      for (const [key, { bytes }] of memory.objects) if (key.startsWith("leases/reading/")) marks.push(String(bytes));
      return { problems: [] };
    },
  });
  let advanced = 0;
  const progress = {
    ...context.run.progress,
    advance(bytes: number) {
      advanced += bytes;
    },
  };
  await verifyBackup({ ...context, engineOf, run: { ...context.run, progress } }, await project.find(id, context));
  expect(marks.map((mark) => JSON.parse(mark))).toEqual([expect.objectContaining({ purpose: "verify" })]);
  expect(advanced).toBeGreaterThan(0);
  expect(advanced).toBeLessThan(1_000_000);
});

describe("a verification of a sound backup", () => {
  test("says so with its figures, and writes the same as evidence", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    const context = await open();
    const phases: unknown[] = [];
    let advanced = 0;
    const progress = {
      phase: (...phase: unknown[]) => void phases.push(phase),
      advance: (bytes: number) => {
        advanced += bytes;
      },
    };
    const result = await verifyBackup({ ...context, run: { ...context.run, progress } }, await project.find(id, context));
    const { manifest, sha256 } = await readManifest(memory, "tree", id);
    expect(result).toMatchObject({ source: "tree", backupId: id, outcome: "verified", findings: [], rows: 5, bytes: 100 });
    expect(result.objectCount).toBeGreaterThanOrEqual(5);
    expect(result.digest).toMatchObject({ rows: 5, objectCount: result.objectCount });
    expect(result.unrecorded).toBeUndefined();
    expect(result.durationMs).toBeGreaterThanOrEqual(0);
    expect(result.durationMs).toBeLessThan(context.run.clock.monotonicMs());
    const evidence = await newestEvidence(memory, "tree", id);
    // In clear are counts and sizes; the digest itself is sealed.
    const { digest } = result;
    if (digest === undefined || evidence?.digest === undefined) throw new Error("no digest");
    const { sha256: root, objects: _objects, groups, ...totals } = digest;
    const recorded = {
      ...totals,
      groups: (groups ?? []).map(({ object, rows, bytes }) => ({ object, rows, bytes })),
      digestKeyId: manifest.digestKeyId,
      sealed: [expect.any(String)],
    };
    expect(canonicalJson(evidence).toString()).not.toContain(root);
    const key = await readDigestKey(context, await context.vaultOf("main"), manifest);
    expect(openDigest(evidence.digest, key)).toEqual(digest);
    expect(evidence).toEqual({
      formatVersion: 2,
      source: "tree",
      backupId: id,
      check: "verified",
      at: expect.any(String),
      holdfastVersion: context.holdfastVersion,
      by: context.run.identity,
      manifestSha256: sha256,
      findings: [],
      digest: recorded,
      sourceCheck: expect.objectContaining({ equal: true }),
      timings: { verify: result.durationMs },
    });
    // Every stored byte counts once, whatever the engine unpacks of it.
    const storedBytes = manifest.artifacts.reduce((sum, each) => sum + each.storedBytes, 0);
    expect(phases).toEqual([["verify", storedBytes]]);
    expect(advanced).toBe(storedBytes);
  });
});

describe("damage", () => {
  test.each([0, 1])("of artifact %i is found and named, whether the engine reads that one or not", async (index) => {
    const id = await dump(5, { minutesAgo: 5 });
    const { artifacts } = (await readManifest(memory, "tree", id)).manifest;
    const name = artifacts[index]?.name ?? "";
    const object = memory.objects.get(keyOf.artifact("tree", id, name));
    const bytes = Buffer.from(object?.bytes ?? "");
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    memory.objects.set(keyOf.artifact("tree", id, name), { bytes, modifiedAt: new Date() });
    const result = await verify(id);
    expect(result).toMatchObject({ outcome: "damaged", rows: 0, bytes: 0, objectCount: 0 });
    expect(result.findings.join()).toContain(name);
    expect(result.digest).toBeUndefined();
    expect((await newestEvidence(memory, "tree", id))?.manifestSha256).not.toBe("");
  });

  test("of an artifact that the engine does not read for its digest is found all the same", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    const { digest } = await verify(id);
    if (digest === undefined) throw new Error("no digest");
    const { artifacts } = (await readManifest(memory, "tree", id)).manifest;
    const key = keyOf.artifact("tree", id, artifacts.at(-1)?.name ?? "");
    memory.objects.set(key, { bytes: Buffer.from("other"), modifiedAt: new Date() });
    const context = await open();
    const lazy = {
      ...context,
      engineOf: async (name: string) => ({ ...(await context.engineOf(name)), digest: async () => digest }),
    };
    expect((await verifyBackup(lazy, await project.find(id, context))).outcome).toBe("damaged");
  });

  test("is content of another digest than its manifest says, genuine as both are", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    const { manifest } = await readManifest(memory, "tree", id);
    const artifacts = manifest.artifacts.map((each) => ({ ...each, plainDigest: "0".repeat(64) }));
    for (const key of [keyOf.manifest("tree", id), keyOf.manifestSeal("tree", id)]) memory.objects.delete(key);
    const sealing = { keys: await (await open()).keysOf("main"), vaultId: await idOf(memory) };
    await commitSealed(memory, { ...manifest, artifacts }, sealing);
    const result = await verify(id);
    expect(result.outcome).toBe("damaged");
    expect(result.findings.join()).toContain("as many bytes, with another digest");
  });

  test("is that the source itself counted otherwise, in words and with the digest", async () => {
    const id = await dump(5, {
      minutesAgo: 5,
      sourceCheck: ({ mode, objects }) => ({
        mode,
        objects: Object.fromEntries(Object.entries(objects).map(([name, each]) => [name, { ...each, rows: each.rows + 1 }])),
      }),
    });
    const result = await verify(id);
    expect(result).toMatchObject({ outcome: "damaged", rows: 5 });
    expect(result.findings.length).toBeGreaterThan(0);
    for (const finding of result.findings) expect(finding).toMatch(/^\S.*: \S/);
    expect(await newestEvidence(memory, "tree", id)).toMatchObject({ sourceCheck: { equal: false }, digest: { rows: 5 } });
  });

  test("is a manifest that was changed after it was verified, though it is as well-formed as before", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    expect(await outcomeOf(id)).toBe("verified");
    const { manifest } = await readManifest(memory, "tree", id);
    await memory.put(keyOf.manifest("tree", id), canonicalJson({ ...manifest, policySha256: "0".repeat(64) }));
    const result = await verify(id);
    expect(result.outcome).toBe("damaged");
    expect(result.findings.join()).toContain("was not made with this vault's key");
  });

  test("is a manifest that cannot be read; the evidence then names none", async () => {
    const id = await dump(5, { minutesAgo: 5 });
    await memory.put(keyOf.manifest("tree", id), Buffer.from("{}"));
    expect(await outcomeOf(id)).toBe("damaged");
    expect(await newestEvidence(memory, "tree", id)).toMatchObject({ check: "damaged", manifestSha256: "" });
  });
});

describe("lost data", () => {
  test("is suspected where a trusted backup before it had far more", async () => {
    const full = await dump(150, { minutesAgo: 50 });
    expect(await outcomeOf(full)).toBe("verified");
    const result = await verify(await dump(3, { minutesAgo: 40 }));
    expect(result.outcome).toBe("suspicious");
    expect(result.findings.join()).toMatch(/150/);
  });

  test.each([
    ["none is trusted yet", async () => undefined],
    ["it was found damaged", async (full: string) => recordOf(full, "damaged")],
    ["it was found disproven", async (full: string) => recordOf(full, "disproven")],
  ])("is not suspected by a backup before it when %s", async (_, judge) => {
    const full = await dump(150, { minutesAgo: 50 });
    await judge(full);
    expect(await outcomeOf(await dump(3, { minutesAgo: 40 }))).toBe("verified");
  });

  test("is not measured by a backup that is suspicious itself, nor by those after it", async () => {
    const few = await dump(3, { minutesAgo: 50 });
    expect(await outcomeOf(few)).toBe("verified");
    const middle = await dump(150, { minutesAgo: 40 });
    await verify(middle);
    await recordOf(middle, "suspicious", (await newestEvidence(memory, "tree", middle))?.digest);
    expect(await outcomeOf(await dump(3, { minutesAgo: 30 }))).toBe("verified");
    const later = await dump(150, { minutesAgo: 20 });
    expect(await outcomeOf(later)).toBe("verified");
    expect(await outcomeOf(await dump(3, { minutesAgo: 25 }))).toBe("verified");
  });

  test("is not measured by a backup of another kind", async () => {
    const full = await dump(150, { minutesAgo: 50 });
    const other = await dump(150, { minutesAgo: 45, kind: "incremental" });
    expect(await outcomeOf(other)).toBe("verified");
    const digest = (await newestEvidence(memory, "tree", other))?.digest;
    if (digest === undefined) throw new Error("no digest");
    await recordOf(other, "proven", digest);
    memory.objects.delete(keyOf.manifest("tree", full));
    expect(await outcomeOf(await dump(3, { minutesAgo: 40 }))).toBe("verified");
  });

  test("may fall by half, or by what the policy says; by half again when the source is in no policy", async () => {
    for (const [policy, outcome] of [
      [treePolicy, "verified"],
      [treePolicy.replace("path: tree,", "path: tree, verify: { maxDrop: 10% },"), "suspicious"],
      [treePolicy.replace("  tree:", "  forest:"), "verified"],
    ] as const) {
      memory = makeMemoryStore();
      await project.writePolicy(treePolicy);
      expect(await outcomeOf(await dump(150, { minutesAgo: 50 }))).toBe("verified");
      const fewer = await dump(100, { minutesAgo: 40 });
      await project.writePolicy(policy);
      expect(await outcomeOf(fewer)).toBe(outcome);
    }
    const tiny = await (async () => {
      await project.writePolicy(treePolicy);
      return dump(20, { minutesAgo: 30 });
    })();
    await project.writePolicy(treePolicy.replace("  tree:", "  forest:"));
    expect(await outcomeOf(tiny)).toBe("suspicious");
  });

  test("is not asked for again once the backup was found in order, or a person took it", async () => {
    const few = await dump(3, { minutesAgo: 40 });
    expect(await outcomeOf(few)).toBe("verified");
    expect(await outcomeOf(await dump(150, { minutesAgo: 50 }))).toBe("verified");
    expect(await outcomeOf(few)).toBe("verified");
    const dropped = await dump(3, { minutesAgo: 30 });
    await recordOf(dropped, "suspicious");
    const context = await open();
    await acceptBackup(context, await project.find(dropped, context), "moved away");
    expect(await outcomeOf(dropped)).toBe("verified");
  });

  test("is suspected no longer once a person took it, with the same backup before it", async () => {
    expect(await outcomeOf(await dump(150, { minutesAgo: 50 }))).toBe("verified");
    const lost = await dump(3, { minutesAgo: 40 });
    expect(await outcomeOf(lost)).toBe("suspicious");
    const context = await open();
    await acceptBackup(context, await project.find(lost, context), "moved away");
    expect(await outcomeOf(lost)).toBe("verified");
  });

  test("is not suspected where the engine, by the policy, says that it comes and goes", async () => {
    expect(await outcomeOf(await dump(150, { minutesAgo: 50 }))).toBe("verified");
    const few = await dump(3, { minutesAgo: 40 });
    const context = await open();
    const engineOf = async (name: string): Promise<Engine> => ({
      ...(await context.engineOf(name)),
      compileVolatile: () => () => true,
    });
    const volatile = await verifyBackup({ ...context, engineOf }, await project.find(few, context));
    expect(volatile.outcome).toBe("verified");
  });

  test("is suspected still when a backup that was verified once was found suspicious since", async () => {
    expect(await outcomeOf(await dump(150, { minutesAgo: 50 }))).toBe("verified");
    const few = await dump(3, { minutesAgo: 40 });
    await recordOf(few, "verified");
    await recordOf(few, "suspicious");
    expect(await outcomeOf(few)).toBe("suspicious");
  });

  test("stays suspected when what it was compared with is gone, and not when what is left speaks for it", async () => {
    const full = await dump(150, { minutesAgo: 50 });
    expect(await outcomeOf(full)).toBe("verified");
    const few = await dump(3, { minutesAgo: 40 });
    expect(await outcomeOf(few)).toBe("suspicious");
    memory.objects.delete(keyOf.manifest("tree", full));
    const alone = await verify(few);
    expect(alone.outcome).toBe("suspicious");
    expect(alone.findings).toEqual([expect.stringContaining("no earlier backup is left")]);
    expect(await outcomeOf(await dump(3, { minutesAgo: 60 }))).toBe("verified");
    expect(await outcomeOf(few)).toBe("verified");
  });

  test("is judged by the evidence of reading back, and without such evidence not at all, which is said", async () => {
    const full = await dump(150, { minutesAgo: 50 });
    expect(await outcomeOf(full)).toBe("verified");
    await recordOf(full, "proven");
    const few = await dump(3, { minutesAgo: 40 });
    expect(await outcomeOf(few)).toBe("suspicious");
    for (const key of memory.objects.keys()) {
      if (key.startsWith(keyOf.evidencePrefix("tree", full)) && key.includes("verified")) await memory.put(key, Buffer.from("{"));
    }
    const another = await dump(3, { minutesAgo: 30 });
    const warnings: string[] = [];
    expect((await verify(another, { warnings })).outcome).toBe("verified");
    expect(warnings.join()).toMatch(/cannot be compared with/);
    memory.objects.delete(keyOf.manifest("tree", few));
  });
});

async function recordOf(
  id: string,
  check: "verified" | "suspicious" | "damaged" | "disproven" | "proven",
  digest?: RecordedDigest,
): Promise<void> {
  const { sha256 } = await readManifest(memory, "tree", id);
  const evidence: Evidence = {
    formatVersion: 2,
    source: "tree",
    backupId: id,
    check,
    at: new Date().toISOString(),
    manifestSha256: sha256,
    holdfastVersion: "0",
    by: "test",
    findings: check === "damaged" || check === "disproven" ? ["something is wrong"] : [],
    ...(digest === undefined ? {} : { digest }),
  };
  await appendEvidence(signedVault(memory, await idOf(memory)), evidence, testSigner);
}
