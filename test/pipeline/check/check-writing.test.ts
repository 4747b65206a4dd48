/** What `check` says of a store that cannot do what a backup needs, however it fails to. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { checkWriting } from "../../../src/pipeline/check/check-writing.ts";
import type { PipelineContext } from "../../../src/pipeline/pipeline-context.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { toList } from "../../support/streams.ts";

const now = new Date("2026-11-28T12:00:00Z");
const context = {
  run: { clock: { now: () => now, monotonicMs: () => 0 }, randomBytes: (count: number) => Buffer.alloc(count, 7) },
} as unknown as PipelineContext;

const check = (store: ObjectStore, artifacts = true) => checkWriting(context, store, "writing", { artifacts });

/** A store in memory, some of whose methods are others. */
function broken(more: (store: ObjectStore) => Partial<ObjectStore>, locks = false): ObjectStore {
  const store = makeMemoryStore(() => now, { locks });
  return { ...store, ...more(store) };
}

describe("a store that does all that a backup needs", () => {
  it.each([false, true])("is said to, and keeps at most a locked probe (locks: %s)", async (locks) => {
    const store = makeMemoryStore(() => now, { locks });
    expect(await check(store)).toEqual([
      { level: "ok", subject: "writing", message: expect.stringMatching(/new objects, also in parts,.*refuses to overwrite/) },
    ]);
    expect((await toList(store.list(""))).map(({ key }) => key)).toEqual(locks ? ["probes/0707070707070707-locked"] : []);
  });

  it("is asked for leases without parts", async () => {
    const asked: unknown[] = [];
    const store = broken(({ put }) => ({
      put: (key, body, options) => {
        asked.push(options?.inParts);
        return put(key, body, options);
      },
    }));
    expect(await check(store, false)).toMatchObject([{ level: "ok" }]);
    expect(asked).not.toContain(true);
  });

  it("loses the probes that earlier checks had to leave, and no others", async () => {
    const store = makeMemoryStore(() => now);
    for (const [key, minutes] of [
      ["old", 11],
      ["young", 5],
    ] as const) {
      await store.put(`probes/${key}`, Buffer.from("x"));
      const stored = store.objects.get(`probes/${key}`);
      if (stored !== undefined) stored.modifiedAt = new Date(now.getTime() - minutes * 60_000);
    }
    await check(store);
    expect((await toList(store.list(""))).map(({ key }) => key)).toEqual(["probes/young"]);
  });
});

describe("a store is an error that", () => {
  it.each([
    ["whole objects", false],
    ["objects in parts", true],
  ])("overwrites %s in spite of the condition", async (_, inParts) => {
    const store = broken(({ put }) => ({
      put: (key, body, options = {}) => {
        const { ifAbsent, ...rest } = options;
        return put(
          key,
          body,
          (options.inParts === true) === inParts ? rest : { ...rest, ...(ifAbsent === true ? { ifAbsent } : {}) },
        );
      },
    }));
    const [finding] = await check(store);
    expect(finding).toMatchObject({
      level: "error",
      subject: "writing",
      message: expect.stringContaining("ignores If-None-Match"),
    });
    expect(finding?.remedy).toBeDefined();
  });

  it("gives other bytes back", async () => {
    const store = broken(({ get }) => ({
      get: async (key, options) => ({ ...(await get(key, options)), body: Readable.from([Buffer.from("holdfast chekc\n")]) }),
    }));
    expect(await check(store)).toContainEqual(
      expect.objectContaining({ level: "error", message: expect.stringContaining("other bytes") }),
    );
  });

  it("deletes what it has locked", async () => {
    const store = broken(() => ({ delete: async () => undefined }), true);
    expect(await check(store)).toContainEqual(
      expect.objectContaining({ level: "error", message: expect.stringContaining("its locks protect nothing") }),
    );
  });

  it.each(["VaultInvalid", "StoreAccessDenied"] as const)("cannot store parts: %s", async (name) => {
    const store = broken(({ put }) => ({
      put: (key, body, options) =>
        options?.inParts === true ? Promise.reject(new HoldfastError(name, "no parts here")) : put(key, body, options),
    }));
    await expect(check(store)).rejects.toMatchObject({ name });
    // What could be written before that is deleted.
    expect(await toList(store.list(""))).toEqual([]);
  });
});

it("an identity that may only add is a good one for backups, and is told what stays", async () => {
  const store = broken(() => ({ delete: () => Promise.reject(new HoldfastError("StoreAccessDenied", "no")) }));
  const findings = await check(store);
  expect(findings.map(({ level }) => level)).toEqual(["ok", "ok", "ok"]);
  expect(findings[1]?.message).toContain("may not delete");
});
