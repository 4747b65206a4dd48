import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { systemClock } from "../../src/runtime/clock.ts";
import { openFolderStore } from "../../src/vault/folder/store.ts";
import { collect, toList } from "../support/streams.ts";

// What exFAT, and many network and user-space file systems, answer to link(2).
vi.mock("node:fs/promises", async (original) => ({
  ...(await original<typeof import("node:fs/promises")>()),
  link: async (from: string, to: string) => {
    throw Object.assign(new Error(`EPERM: operation not permitted, link '${from}' -> '${to}'`), { code: "EPERM" });
  },
}));

it("creates, replaces and refuses as ever on a file system without hard links, with one winner in a race", async () => {
  const root = await mkdtemp(join(tmpdir(), "holdfast-no-links-"));
  try {
    const stores = [0, 1, 2, 3].map(() => openFolderStore(root, { clock: systemClock }));
    const [store] = stores;
    if (store === undefined) throw new Error("no store");
    for (let round = 0; round < 10; round += 1) {
      const key = `manifests/${round}.json`;
      const creating = await Promise.allSettled(
        stores.map((each, index) => each.put(key, Buffer.from(`${index}`), { ifAbsent: true })),
      );
      expect(creating.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const outcome of creating) if (outcome.status === "rejected") expect(outcome.reason.name).toBe("ObjectExists");
      const winner = creating.findIndex(({ status }) => status === "fulfilled");
      const { object, body } = await store.get(key);
      expect((await collect(body)).toString()).toBe(String(winner));
      const replacing = await Promise.allSettled(
        stores.map((each, index) => each.put(key, Buffer.from(`r${index}`), { ifMatch: object.etag })),
      );
      expect(replacing.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
    expect(await toList(store.list("manifests/"))).toHaveLength(10);
    expect(await toList(store.list(""))).toHaveLength(10);
    expect(await store.abortStaleUploads(new Date(Date.now() + 1000))).toBe(0);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
