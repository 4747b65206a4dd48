/**
 * What a network file system gets: the same engine with its calls in the thread pool, many at a
 * time.
 */
import { mkdirSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBoundedTasks } from "../../../src/engines/files/bounded-tasks.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { chooseOperations, localOperations, pooledOperations } from "../../../src/engines/files/file-operations.ts";
import { dumpToMemory, makeContext, makeSource, prove, readerOf, usePlace } from "./memory-backup.ts";
import { describeTree, differencesOf, makeZoo, removeTree } from "./tree-zoo.ts";

const choice = vi.hoisted(() => ({ pooled: true }));
vi.mock(import("../../../src/engines/files/file-operations.ts"), async (load) => {
  const original = await load();
  return {
    ...original,
    chooseOperations: async (path) => (choice.pooled ? original.pooledOperations : original.chooseOperations(path)),
  };
});

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
});
afterEach(() => {
  choice.pooled = true;
  removeTree(base);
});

it("stores the same bytes, restores the same tree and proves it", async () => {
  const tree = join(base, "tree");
  mkdirSync(tree);
  await makeZoo(tree);
  const backup = await dumpToMemory(makeSource(tree));
  choice.pooled = false;
  expect((await chooseOperations(Buffer.from("/proc"))) === pooledOperations).toBe(true);
  const local = await dumpToMemory(makeSource(tree));
  choice.pooled = true;
  for (const [name, bytes] of local.artifacts) expect(backup.artifacts.get(name)?.equals(bytes), name).toBe(true);
  expect(backup.sourceCheck).toEqual(local.sourceCheck);
  expect(localOperations.concurrency).toBe(1);

  const proof = await prove(backup);
  expect(proof.comparison.differences).toEqual([]);
  expect(proof.sourceCheck.equal).toBe(true);
  const place = await filesEngine.openTarget(
    [readerOf(backup)],
    undefined,
    { target: join(base, "new"), overwrite: false },
    makeContext(),
  );
  await usePlace(place, async () => {
    expect((await place.load()).findings).toEqual([]);
    await place.commit();
  });
  expect(differencesOf(describeTree(tree), describeTree(join(base, "new")), 1_000n)).toEqual([]);
});

describe("tasks beside each other", () => {
  it("are never more than the limit, and all end before a drain does", async () => {
    const tasks = createBoundedTasks(3);
    let [running, most, ended] = [0, 0, 0];
    for (let number = 0; number < 20; number++) {
      await tasks.run(async () => {
        most = Math.max(most, ++running);
        await setTimeout(number % 3);
        running--;
        ended++;
      });
    }
    await tasks.drain();
    expect([most, ended]).toEqual([3, 20]);
  });

  it("pass on the first error, to whoever comes next", async () => {
    const tasks = createBoundedTasks(3);
    await tasks.run(() => setTimeout(5));
    await tasks.run(async () => {
      throw new Error("first");
    });
    await expect(tasks.drain()).rejects.toThrow("first");
    await expect(tasks.run(() => Promise.resolve())).rejects.toThrow("first");
  });
});
