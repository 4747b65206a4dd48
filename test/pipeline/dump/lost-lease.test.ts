/** A dump whose lease another run took while its manifest was written. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DumpSession } from "../../../src/engines/dump-session.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { dumpSource } from "../../../src/pipeline/dump.ts";
import type { PipelineContext } from "../../../src/pipeline/pipeline-context.ts";
import { readManifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { type DumpOptions, makeDumpVault, now, openForDump } from "../../support/dump-in-memory.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";
import type { MemoryStore } from "../../support/memory-store.ts";

const request = { source: "tree", kind: "full" } as const;

let project: FilesProject;
let memory: MemoryStore;
beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(async () => {
  memory = await makeDumpVault();
});

const open = (options?: DumpOptions): Promise<PipelineContext> => openForDump(project, memory, options);
const keysOf = (part: string): string[] => [...memory.objects.keys()].filter((key) => key.includes(part));
const leaseOf = (store: MemoryStore) => JSON.parse(String(store.objects.get(keyOf.lease("tree", "backup"))?.bytes));

describe("a backup whose lease was taken while its manifest was committed", () => {
  const later = new Date(now.getTime() + 60_000);
  /** Does `something` once the manifest stands. */
  const onceCommitted =
    (something: () => unknown) =>
    (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async put(key, body, options) {
        const put = await inner.put(key, body, options);
        if (key.startsWith("manifests/")) await something();
        return put;
      },
    });
  const steal = () => {
    const lease = leaseOf(memory);
    const taken = { ...lease, token: "another", fencing: lease.fencing + 1 };
    return memory.put(keyOf.lease("tree", "backup"), Buffer.from(JSON.stringify(taken)));
  };

  test("is taken back where it names what an earlier one stored: that may be deleted by now", async () => {
    await dumpSource(await open(), request);
    const before = [...keysOf("manifests/"), ...keysOf("artifacts/")].sort();
    const context = await open({ wrap: onceCommitted(steal), at: later });
    await expect(dumpSource(context, { ...request, kind: "incremental" })).rejects.toMatchObject({ name: "LeaseLost" });
    expect([...keysOf("manifests/"), ...keysOf("artifacts/")].sort()).toEqual(before);
    memory.objects.delete(keyOf.lease("tree", "backup"));
    const { backupId, reusedBytes, storedBytes, artifacts } = await dumpSource(await open({ at: later }), {
      ...request,
      kind: "incremental",
    });
    expect(reusedBytes).toBeGreaterThan(0);
    const own = artifacts.filter(({ reusedFrom }) => reusedFrom === undefined);
    expect(storedBytes).toBe(own.reduce((sum, each) => sum + each.storedBytes, 0));
    expect((await readManifest(memory, "tree", backupId)).manifest.base).toBeNull();
  });

  test("is taken back where it builds on an earlier one", async () => {
    const { backupId } = await dumpSource(await open(), request);
    const from = { at: now.toISOString() };
    const building = (session: DumpSession): DumpSession => ({
      ...session,
      finish: async () => ({ ...(await session.finish()), coverage: { from, to: { at: later.toISOString() } } }),
    });
    const chained = async (wrap?: DumpOptions["wrap"]): Promise<PipelineContext> => {
      const context = await open({ ...(wrap === undefined ? {} : { wrap }), at: later, session: building });
      const { tree } = context.policy.sources;
      if (tree === undefined) throw new Error("the policy has no tree");
      const traits = { ...tree.traits, reuses: {}, chains: { incremental: "latest" } } as const;
      return { ...context, policy: { ...context.policy, sources: { tree: { ...tree, traits } } } };
    };
    const failing = dumpSource(await chained(onceCommitted(steal)), { ...request, kind: "incremental" });
    await expect(failing).rejects.toMatchObject({ name: "LeaseLost" });
    expect(keysOf("manifests/")).toEqual([keyOf.manifest("tree", backupId)]);
    memory.objects.delete(keyOf.lease("tree", "backup"));
    const made = await dumpSource(await chained(), { ...request, kind: "incremental" });
    expect((await readManifest(memory, "tree", made.backupId)).manifest.base?.id).toBe(backupId);
  });

  test("stands where it names nothing of others", async () => {
    const { backupId } = await dumpSource(await open({ wrap: onceCommitted(steal) }), request);
    expect((await readManifest(memory, "tree", backupId)).manifest.id).toBe(backupId);
  });

  test("stands where nobody could say whether the lease was taken, and fails", async () => {
    const { backupId } = await dumpSource(await open(), request);
    let committed = false;
    const silent = (inner: MemoryStore): ObjectStore => ({
      ...onceCommitted(() => {
        committed = true;
      })(inner),
      async get(key, options) {
        if (committed && key.startsWith("leases/")) throw new HoldfastError("StoreUnavailable", "no answer");
        return inner.get(key, options);
      },
    });
    const failing = dumpSource(await open({ wrap: silent, at: later }), { ...request, kind: "incremental" });
    await expect(failing).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(keysOf("manifests/").filter((key) => !key.includes(backupId))).toHaveLength(1);
  });
});
