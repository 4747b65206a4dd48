/**
 * A dump of a small tree into a vault in memory: what is committed, when it is not, and what is
 * left then.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DumpSession } from "../../src/engines/dump-session.ts";
import { builtInEngines } from "../../src/engines/engine-registry.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { historyOf } from "../../src/pipeline/catalogue/source-history.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { writeInstructions } from "../../src/pipeline/export/vault-instructions.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { keyOf } from "../../src/vault/layout.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { type DumpOptions, makeDumpVault, now, openForDump } from "../support/dump-in-memory.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";

const request = { source: "tree", kind: "full" } as const;

let project: FilesProject;
let memory: MemoryStore;

beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(async () => {
  await project.writePolicy(treePolicy);
  memory = await makeVault();
});

const makeVault = makeDumpVault;
const open = (options?: DumpOptions): Promise<PipelineContext> => openForDump(project, memory, options);

const keysOf = (part: string): string[] => [...memory.objects.keys()].filter((key) => key.includes(part));
const nothingOfABackup = (): void => expect([...keysOf("manifests/"), ...keysOf("artifacts/")]).toEqual([]);
const leaseOf = (store: MemoryStore) => JSON.parse(String(store.objects.get(keyOf.lease("tree", "backup"))?.bytes));

describe("a dump that ends well", () => {
  test("commits a manifest that says what was stored, when, from what, and by which policy", async () => {
    const context = await open();
    const result = await dumpSource(context, request);
    const { manifest, sha256 } = await readManifest(memory, "tree", result.backupId);
    expect(manifest).toEqual({
      formatVersion: 2,
      id: result.backupId,
      source: "tree",
      engine: "files",
      kind: "full",
      base: null,
      coverage: { to: { at: now.toISOString() } },
      startedAt: now.toISOString(),
      finishedAt: now.toISOString(),
      facts: expect.objectContaining({ files: 1, bytes: 7 }),
      notices: [],
      artifacts: result.artifacts,
      sourceCheck: { mode: "counts", objects: expect.objectContaining({}) },
      digestKeyId: expect.stringMatching(/^[0-9a-f]{16}$/),
      policySha256: context.policy.sha256,
      holdfastVersion: context.holdfastVersion,
    });
    expect(result).toMatchObject({ source: "tree", kind: "full", manifestSha256: sha256, notices: [] });
    expect(result.artifacts.length).toBeGreaterThan(1);
    const stored = result.artifacts.map(
      ({ name }) => memory.objects.get(keyOf.artifact("tree", result.backupId, name))?.bytes.length,
    );
    expect(stored).toEqual(result.artifacts.map(({ storedBytes }) => storedBytes));
    expect(result.storedBytes).toBe(stored.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0));
    const rows = Object.values(manifest.sourceCheck.objects).map((object) => object.rows);
    expect(result.rows).toBe(rows.reduce((sum, each) => sum + each, 0));
    expect(result.rows).toBeGreaterThan(0);
    expect(result.durationMs).toBeGreaterThan(0);
    expect(result.durationMs).toBeLessThan(context.run.clock.monotonicMs());
    expect(result).not.toHaveProperty("createdVault");
    expect(keysOf(result.backupId)).toHaveLength(result.artifacts.length + 3);
  });

  test("has its digest key before the artifacts, and its manifest's seal between these and its manifest", async () => {
    const order: string[] = [];
    const recording = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async put(key, body, options) {
        const put = await inner.put(key, body, options);
        if (/^(artifacts|manifests)/.test(key)) order.push(key);
        return put;
      },
    });
    const { backupId, artifacts } = await dumpSource(await open({ wrap: recording }), request);
    expect(order).toEqual([
      keyOf.digestKey("tree", backupId),
      ...artifacts.map(({ name }) => keyOf.artifact("tree", backupId, name)),
      keyOf.manifestSeal("tree", backupId),
      keyOf.manifest("tree", backupId),
    ]);
  });

  test("tells the engine of which kind the backup is, and its id", async () => {
    const asked: unknown[] = [];
    const { backupId } = await dumpSource(await open({ onOpen: (each) => asked.push(each) }), request);
    expect(asked).toEqual([{ kind: "full", backupId }]);
  });

  test("holds the source's lease while it lasts, and gives it back", async () => {
    let held: unknown;
    await dumpSource(
      await open({
        session: (session) => {
          held = leaseOf(memory);
          return session;
        },
      }),
      request,
    );
    expect(held).toMatchObject({ purpose: "full backup", released: false });
    expect(leaseOf(memory)).toMatchObject({ released: true });
  });

  test("keeps what the engine warned of, after what is said of the clock", async () => {
    const first = await dumpSource(await open(), request);
    const notice = { code: "skipped", subject: "socket", message: "a socket was skipped" };
    const noticing = (session: DumpSession): DumpSession => ({
      ...session,
      finish: async () => ({ ...(await session.finish()), notices: [notice] }),
    });
    const earlier = new Date(now.getTime() - 60_000);
    const { notices, backupId } = await dumpSource(await open({ session: noticing, at: earlier }), request);
    expect(notices).toEqual([
      { code: "clock-behind", subject: first.backupId, message: expect.stringContaining(first.backupId) },
      notice,
    ]);
    expect((await readManifest(memory, "tree", backupId)).manifest.notices).toEqual(notices);
    const later = new Date(now.getTime() + 60_000);
    expect((await dumpSource(await open({ at: later }), request)).notices).toEqual([]);
  });

  test("tells the progress of its phase, with the bytes that the engine expects", async () => {
    const context = await open({ session: (session) => ({ ...session, expectedBytes: 4711 }) });
    const phases: unknown[] = [];
    const progress = { ...context.run.progress, phase: (...phase: unknown[]) => void phases.push(phase) };
    await dumpSource({ ...context, run: { ...context.run, progress } }, request);
    expect(phases).toEqual([["dump", 4711]]);
  });

  test("locks every object from the backup's start for as long as retention keeps its kind", async () => {
    memory = await makeVault({ locks: true });
    await project.writePolicy(treePolicy.replace("keepLast: 1", "daily: 7"));
    const { backupId } = await dumpSource(await open(), request);
    const locks = keysOf(backupId).map((key) => memory.objects.get(key)?.lock?.until?.toISOString());
    expect(locks.length).toBeGreaterThan(2);
    expect(new Set(locks)).toEqual(new Set(["2026-11-27T12:00:00.250Z"]));
  });

  test("locks nothing where retention promises no time", async () => {
    memory = await makeVault({ locks: true });
    const { backupId } = await dumpSource(await open(), request);
    expect(keysOf(backupId).map((key) => memory.objects.get(key)?.lock)).toEqual(keysOf(backupId).map(() => undefined));
  });

  test("asks for no lock in a vault that does not lock, whatever retention promises", async () => {
    await project.writePolicy(treePolicy.replace("keepLast: 1", "daily: 7"));
    const { backupId } = await dumpSource(await open(), request);
    expect(keysOf(`manifests/tree/${backupId}`)).toHaveLength(1);
  });

  test("locks what it reuses as long as itself, and is in the history of its run", async () => {
    memory = await makeVault({ locks: true });
    await project.writePolicy(treePolicy.replace("keepLast: 1", "daily: 7"));
    const full = await dumpSource(await open(), request);
    const context = await open({ at: new Date(now.getTime() + 86_400_000) });
    const { backupId, artifacts } = await dumpSource(context, { ...request, kind: "incremental" });
    const reused = artifacts.filter(({ reusedFrom }) => reusedFrom === full.backupId);
    expect(reused.length).toBeGreaterThan(0);
    for (const { name } of reused) {
      const until = memory.objects.get(keyOf.artifact("tree", full.backupId, name))?.lock?.until;
      expect(until?.toISOString()).toBe("2026-11-28T12:00:00.250Z");
    }
    const { backups } = await historyOf(context, await context.vaultOf("main"), "tree");
    expect(backups.map(({ id }) => id)).toEqual([full.backupId, backupId]);
  });

  test("makes a vault where there is none, and says so", async () => {
    memory = makeMemoryStore(() => now);
    const warnings: string[] = [];
    expect(await dumpSource(await open({ warnings }), request)).toMatchObject({ createdVault: "memory:" });
    expect(warnings).toEqual([expect.stringMatching(/^memory: contains no vault yet/)]);
    const document = JSON.parse(String(memory.objects.get("holdfast.json")?.bytes));
    expect(document).toMatchObject({ createdAt: now.toISOString(), createdBy: "holdfast 0.0.0-test" });
    expect(String(memory.objects.get("RESTORE.md")?.bytes)).toBe(await writeInstructions(builtInEngines));
  });
});

describe("a run that is interrupted while it would begin", () => {
  test.each([
    ["in the second of the newest backup waits for no other second, and asks nothing of the source", 0, 0],
    ["in another second has nothing to wait for", 1000, 1],
    ["before the newest backup, by a clock that was set back, has nothing to wait for", -1000, 1],
  ])("%s", async (_, shiftMs, asked) => {
    await dumpSource(await open(), request);
    let opened = 0;
    const context = await open({
      at: new Date(now.getTime() + shiftMs),
      signal: AbortSignal.abort(new HoldfastError("Interrupted", "stop")),
      onOpen: () => {
        opened += 1;
      },
    });
    await expect(dumpSource(context, request)).rejects.toMatchObject({ name: "Interrupted" });
    expect(opened).toBe(asked);
  });
});

test("a backup that begins in the second of another waits for the next, and its id sorts after", async () => {
  const first = await dumpSource(await open(), request);
  const context = await open();
  // From a quarter past the second of the first backup the clock goes on as the machine's does.
  const begunMs = performance.now();
  const clock = { now: () => new Date(now.getTime() + performance.now() - begunMs), monotonicMs: () => performance.now() };
  const second = await dumpSource({ ...context, run: { ...context.run, clock } }, request);
  expect(second.backupId.slice(0, 16) > first.backupId.slice(0, 16)).toBe(true);
});

describe("a dump that cannot begin", () => {
  test("of a kind that the engine does not know writes nothing and names those that it knows", async () => {
    memory = makeMemoryStore(() => now);
    const failure = await dumpSource(await open(), { source: "tree", kind: "snapshot" }).catch((error: HoldfastError) => error);
    expect(failure).toMatchObject({
      name: "SourceUnsupported",
      message: expect.stringContaining("snapshot"),
      hint: expect.stringContaining("full"),
    });
    expect(memory.objects.size).toBe(0);
  });

  test("for want of its key writes nothing", async () => {
    memory = makeMemoryStore(() => now);
    await project.writePolicy(treePolicy.replace("main.key", "gone.key"));
    await expect(dumpSource(await open(), request)).rejects.toMatchObject({ name: /^Key/ });
    expect(memory.objects.size).toBe(0);
  });

  test("in a vault that cannot be read makes none and is not tried further", async () => {
    const unreadable = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      get: async (key) => {
        throw new HoldfastError("StoreUnavailable", `no ${key}`);
      },
    });
    const warnings: string[] = [];
    await expect(dumpSource(await open({ wrap: unreadable, warnings }), request)).rejects.toMatchObject({
      name: "StoreUnavailable",
    });
    expect(warnings).toEqual([]);
    nothingOfABackup();
  });
});

describe("a dump that is not committed", () => {
  const failing = new HoldfastError("SourceUnreachable", "the source went away");

  test("because it was interrupted after its last artifact, while the lease was asked for, leaves nothing", async () => {
    const controller = new AbortController();
    const asking = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async get(key, options) {
        const got = await inner.get(key, options);
        if (key === keyOf.lease("tree", "backup") && keysOf("artifacts/").length > 0)
          controller.abort(new HoldfastError("Interrupted", "stop"));
        return got;
      },
    });
    await expect(dumpSource(await open({ wrap: asking, signal: controller.signal }), request)).rejects.toMatchObject({
      name: "Interrupted",
    });
    nothingOfABackup();
  });

  test("because another run has its lease by now leaves nothing", async () => {
    const stealing = (session: DumpSession): DumpSession => ({
      ...session,
      async sourceCheck() {
        const lease = leaseOf(memory);
        await memory.put(
          keyOf.lease("tree", "backup"),
          Buffer.from(JSON.stringify({ ...lease, token: "another", fencing: lease.fencing + 1 })),
        );
        return session.sourceCheck();
      },
    });
    await expect(dumpSource(await open({ session: stealing }), request)).rejects.toMatchObject({ name: "LeaseLost" });
    nothingOfABackup();
  });

  test("because the manifest's seal could not be stored leaves nothing", async () => {
    const refusing = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async put(key, body, options) {
        if (key.endsWith("/manifest")) throw failing;
        return inner.put(key, body, options);
      },
    });
    await expect(dumpSource(await open({ wrap: refusing }), request)).rejects.toBe(failing);
    nothingOfABackup();
  });

  test.each(["the source's own counts", "an artifact"])(
    "because %s failed leaves nothing, and closes what the engine opened",
    async (what) => {
      let closed = 0;
      const session = (inner: DumpSession): DumpSession => ({
        ...inner,
        sourceCheck: () => (what === "an artifact" ? inner.sourceCheck() : Promise.reject(failing)),
        async *artifacts() {
          yield* inner.artifacts();
          if (what === "an artifact") throw failing;
        },
        async close() {
          closed += 1;
          await inner.close();
        },
      });
      await expect(dumpSource(await open({ session }), request)).rejects.toBe(failing);
      nothingOfABackup();
      expect(closed).toBe(1);
    },
  );

  test("touches no other backup's artifacts", async () => {
    const { backupId } = await dumpSource(await open(), request);
    const kept = keysOf(backupId);
    const session = (inner: DumpSession): DumpSession => ({ ...inner, sourceCheck: () => Promise.reject(failing) });
    const later = new Date(now.getTime() + 5000);
    await expect(dumpSource(await open({ session, at: later }), request)).rejects.toBe(failing);
    expect([...keysOf("artifacts/"), ...keysOf("manifests/")].sort()).toEqual(kept.sort());
  });

  test("and cannot be taken back fails with its own error, and says what is left", async () => {
    const warnings: string[] = [];
    const undeletable = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      delete: async () => {
        throw new HoldfastError("StoreAccessDenied", "not allowed to delete");
      },
    });
    const session = (inner: DumpSession): DumpSession => ({ ...inner, sourceCheck: () => Promise.reject(failing) });
    await expect(dumpSource(await open({ wrap: undeletable, session, warnings }), request)).rejects.toBe(failing);
    const left = keysOf("artifacts/")[0]?.split("/")[2];
    expect(left).toMatch(/-full-/);
    expect(warnings).toEqual([expect.stringMatching(`artifacts of a failed backup are left.*${left}.*not allowed to delete`)]);
  });

  test("although its manifest was sent, because it was not stored, leaves nothing and does not say that it may stand", async () => {
    const warnings: string[] = [];
    const refusing = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async put(key, body, options) {
        if (key.startsWith("manifests/")) throw new HoldfastError("DiskFull", "no space left");
        return inner.put(key, body, options);
      },
    });
    await expect(dumpSource(await open({ wrap: refusing, warnings }), request)).rejects.toMatchObject({ name: "DiskFull" });
    nothingOfABackup();
    expect(warnings).toEqual([]);
  });
});

test("what failed before its manifest was sent is taken back, also when the store cannot say whether there is one", async () => {
  const warnings: string[] = [];
  const silent = (inner: MemoryStore): ObjectStore => ({
    ...inner,
    async head(key) {
      if (key.startsWith("manifests/")) throw new HoldfastError("StoreUnavailable", "no answer");
      return inner.head(key);
    },
  });
  const failing = new HoldfastError("SourceUnreachable", "the source went away");
  const session = (inner: DumpSession): DumpSession => ({ ...inner, sourceCheck: () => Promise.reject(failing) });
  await expect(dumpSource(await open({ wrap: silent, session, warnings }), request)).rejects.toBe(failing);
  nothingOfABackup();
  expect(warnings).toEqual([]);
});

describe("a manifest whose fate is not known", () => {
  test.each(["it stands", "nobody can say"])("keeps its artifacts, and says so: %s", async (fate) => {
    const warnings: string[] = [];
    const losing = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async put(key, body, options) {
        const put = await inner.put(key, body, options);
        if (key.startsWith("manifests/")) throw new HoldfastError("StoreUnavailable", "the answer was lost");
        return put;
      },
      async head(key) {
        if (fate === "nobody can say" && key.startsWith("manifests/")) throw new HoldfastError("StoreUnavailable", "no answer");
        return inner.head(key);
      },
    });
    await expect(dumpSource(await open({ wrap: losing, warnings }), request)).rejects.toThrow("the answer was lost");
    const left = keysOf("artifacts/")[0]?.split("/")[2];
    expect(warnings).toEqual([expect.stringMatching(`may have been committed.*${left}`)]);
    expect(keysOf("artifacts/").length).toBeGreaterThan(1);
  });
});
