/**
 * A backup by a time, of a source whose backups stand alone: which is taken, and what is listed.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findInVaults } from "../../../src/pipeline/catalogue/find-backups.ts";
import { newBackupId } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";
import { makeTreeVault, putVerified, treeNames } from "../../support/tree-vault.ts";

const [hourMs, dayMs] = [3_600_000, 86_400_000];
const startMs = Date.UTC(2024, 0, 1);
const idAt = (epochMs: number): string => newBackupId(new Date(epochMs), "full", () => Buffer.alloc(6, 10));

let project: FilesProject;
beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());

test("it is the newest of that time or before that is not damaged, however far back that lies", async () => {
  const gap = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 20, max: 80 }), fc.integer({ min: 2000, max: 9000 }));
  const backup = fc.record({ hoursAfter: gap, damaged: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(backup, { minLength: 1, maxLength: 6 }), fc.nat(24_000), async (backups, hours) => {
      const memory = await makeTreeVault();
      const known: { readonly id: string; readonly atMs: number; readonly damaged: boolean }[] = [];
      let atMs = startMs;
      for (const { hoursAfter, damaged } of backups) {
        atMs += hoursAfter * hourMs;
        // Those of the future are nobody's choice.
        if (atMs > Date.now()) break;
        const id = await putVerified(memory, idAt(atMs), { verifiedAt: new Date(atMs + 1).toISOString() });
        if (damaged) await memory.put(treeNames.evidence("tree", id, new Date(atMs + 2), "damaged"), Buffer.from("{}"));
        known.push({ id, atMs, damaged });
      }
      const at = startMs + hours * hourMs;
      const before = known.filter((each) => each.atMs <= at);
      const expected = (before.findLast(({ damaged }) => !damaged) ?? before.at(-1))?.id;
      const context = await project.open({ wrapStore: () => memory });
      const found = await findInVaults(context, `tree@${new Date(at).toISOString()}`).then(
        ({ entry }) => entry.id,
        (error: Error) => (error.name === "BackupNotFound" ? undefined : error),
      );
      expect(found).toBe(expected);
    }),
    { numRuns: 40 },
  );
});

test("what lies long before that time is not listed", async () => {
  const memory = await makeTreeVault();
  for (let day = 0; day < 60; day += 1) await putVerified(memory, idAt(startMs + day * dayMs));
  const listed: string[] = [];
  const watched: ObjectStore = {
    ...memory,
    async *list(prefix, options) {
      for await (const object of memory.list(prefix, options)) {
        listed.push(object.key);
        yield object;
      }
    },
  };
  const context = await project.open({ wrapStore: () => watched });
  const { entry } = await findInVaults(context, `tree@${new Date(startMs + 56.5 * dayMs).toISOString()}`);
  expect(entry.id).toBe(idAt(startMs + 56 * dayMs));
  // Four or five backups, some keys each; and never those before.
  expect(listed.filter((key) => key.startsWith("manifests/")).length).toBeLessThan(12);
  expect(listed.filter((key) => key.includes(idAt(startMs + 50 * dayMs)))).toEqual([]);
});
