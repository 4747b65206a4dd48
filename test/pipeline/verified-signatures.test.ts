/**
 * How many signatures a command verifies: those that decide what it says, and none twice. Verifying
 * one takes a fraction of a millisecond; a vault of ten years has tens of thousands.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { listBackups } from "../../src/pipeline/list-backups.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planPrune } from "../../src/pipeline/prune.ts";
import { showBackup } from "../../src/pipeline/show-backup.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import type { MemoryStore } from "../support/memory-store.ts";
import { makeTreeVault, putVerified, treeNames } from "../support/tree-vault.ts";

const count = 30;
const idOf = (day: number): string => `202601${String(day).padStart(2, "0")}T000000Z-full-aaaaaa`;

let project: FilesProject;
let memory: MemoryStore;

beforeAll(async () => {
  project = await createFilesProject();
  await project.writePolicy(treePolicy.replace("keepLast: 1", "keepLast: 1000"));
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(async () => {
  memory = await makeTreeVault();
  // Each was read back three times: of a check, the newest decides.
  for (let day = 1; day <= count; day += 1) {
    await putVerified(memory, idOf(day), { verifiedAt: "2026-02-03T00:00:00.000Z" });
    for (const at of ["2026-02-01", "2026-02-02"])
      await memory.put(treeNames.evidence("tree", idOf(day), new Date(at), "verified"), Buffer.from("{}"));
  }
});

/** What `work` verified: each signature, as often as it was. */
async function verifiedBy(work: (context: PipelineContext) => Promise<unknown>): Promise<string[]> {
  const opened = await project.open({ wrapStore: () => memory });
  const { verify } = await opened.verifier();
  const verified: string[] = [];
  const verifier = {
    verify(message: Uint8Array, signature: Uint8Array) {
      verified.push(Buffer.from(signature).toString("hex"));
      return verify(message, signature);
    },
  };
  await work({ ...opened, verifier: async () => verifier });
  expect(new Set(verified).size).toBe(verified.length);
  return verified;
}

describe("signatures that are verified", () => {
  test("are, for a list of the newest five, those of the five", async () => {
    expect(await verifiedBy((context) => listBackups(context, { last: 5 }))).toHaveLength(5);
    expect(await verifiedBy((context) => listBackups(context, { last: Number.POSITIVE_INFINITY }))).toHaveLength(count);
  });

  test("are, for a backup that is chosen by a time, its own", async () => {
    for (const reference of ["tree@latest", "tree@2026-01-20T12:00:00Z", "tree@before:2026-01-03T00:00:00Z", idOf(9)]) {
      const verified = await verifiedBy(async (context) => {
        expect((await findInVaults(context, reference)).entry.state).toBe("verified");
      });
      expect(verified, reference).toHaveLength(1);
    }
  });

  test("are those of a damaged one too that is stepped over", async () => {
    await memory.put(treeNames.evidence("tree", idOf(20), new Date("2026-02-04T00:00:00Z"), "damaged"), Buffer.from("{}"));
    const verified = await verifiedBy(async (context) => {
      expect((await findInVaults(context, "tree@2026-01-20T12:00:00Z")).entry.id).toBe(idOf(19));
    });
    // Of the damaged one, that it is and that it was verified before; and the one that is taken.
    expect(verified).toHaveLength(3);
  });

  test("are all of a backup that is shown: its earlier evidence is shown as well", async () => {
    expect(await verifiedBy((context) => showBackup(context, idOf(9)))).toHaveLength(3);
  });

  test("are, of each backup, those that decide its state, for what judges all: status and prune", async () => {
    expect(await verifiedBy((context) => measureSources(context, Object.values(context.policy.sources)))).toHaveLength(count);
    expect(await verifiedBy((context) => planPrune(context, "tree"))).toHaveLength(count);
  });

  test("are asked of a forged name too, before anything is said of its backup", async () => {
    const forged = keyOf.evidence("tree", idOf(30), new Date("2026-02-05T00:00:00Z"), "proven", {
      sha256: "A".repeat(43),
      signature: `${"A".repeat(85)}Q`,
    });
    await memory.put(forged, Buffer.from("{}"));
    const { entries } = await listBackups(await project.open({ wrapStore: () => memory }), { last: 1 });
    expect(entries).toMatchObject([{ id: idOf(30), state: "verified", forged: [forged] }]);
  });
});
