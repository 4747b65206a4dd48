import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  forgetProgress,
  type NotedProgress,
  noteProgress,
  tellNotedProgress,
} from "../../../src/pipeline/notify/noted-progress.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeMemoryContext } from "../../support/memory-context.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";

const run = makeMemoryContext().context.run;
const about = {
  source: "shop",
  backupId: "20261121T020000Z-full-7k3f9a",
  execution: "arn:aws:states:eu-central-1:123456789012:execution:holdfast-prod-restore:restore-shop-by-hand-20261121T090000Z",
};
const other = { ...about, execution: about.execution.replace("090000Z", "100000Z") };
const prefix = `progress/shop/${about.backupId}/${createHash("sha256").update(about.execution).digest("hex").slice(0, 32)}/`;

async function keysIn(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) keys.push(key);
  return keys;
}

async function told(store: ObjectStore): Promise<NotedProgress[]> {
  const heard: NotedProgress[] = [];
  expect(await tellNotedProgress(store, async (noted) => void heard.push(noted))).toBe(heard.length);
  return heard;
}

describe("how far a restore is", () => {
  it("is told once, the furthest quarter of each restore", async () => {
    const store = makeMemoryStore();
    for (const share of [0.25, 0.5]) await noteProgress(store, about, share, run);
    await noteProgress(store, other, 0.75, run);
    const heard = await told(store);
    expect(heard).toHaveLength(2);
    expect(heard).toEqual(
      expect.arrayContaining([
        { ...about, percent: "50" },
        { ...other, percent: "75" },
      ]),
    );
    expect(await told(store)).toEqual([]);
    await noteProgress(store, about, 0.75, run);
    expect(await told(store)).toEqual([{ ...about, percent: "75" }]);
  });

  it("is no news of a restore that is over, and of others it is", async () => {
    const store = makeMemoryStore();
    await noteProgress(store, about, 0.5, run);
    await noteProgress(store, other, 0.5, run);
    await forgetProgress(store, about);
    expect(await told(store)).toEqual([{ ...other, percent: "50" }]);
  });

  it("is told again where nobody could be told", async () => {
    const store = makeMemoryStore();
    await noteProgress(store, about, 0.5, run);
    await expect(tellNotedProgress(store, () => Promise.reject(new Error("no topic")))).rejects.toThrow("no topic");
    expect(await told(store)).toEqual([{ ...about, percent: "50" }]);
  });

  it("comes with no words of the one who notes it: whatever lies there is told as a figure of a restore, or removed", async () => {
    const segment = fc.oneof(
      fc.constantFrom("25", "50", "75", "100", "5 0", "shop", about.backupId),
      fc.stringMatching(/^[A-Za-z0-9 _.-]{1,40}$/),
    );
    const key = fc.oneof(
      fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => `progress/${parts.join("/")}`),
      segment.map((name) => `${prefix}${name}`),
    );
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.string().map((execution) => JSON.stringify({ execution })),
      fc.constant(JSON.stringify({ execution: other.execution })),
      fc.constant(JSON.stringify({ execution: about.execution })),
      fc.constant("x".repeat(5_000)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(key, text), { maxLength: 8 }), async (objects) => {
        const store = makeMemoryStore();
        for (const [name, body] of objects) {
          if (name.split("/").every((part) => part !== "." && part !== "..")) await store.put(name, Buffer.from(body));
        }
        for (const noted of await told(store)) {
          expect(noted).toEqual({ ...about, percent: expect.stringMatching(/^(25|50|75)$/) });
        }
        expect(await keysIn(store)).toEqual([]);
      }),
    );
  });
});
