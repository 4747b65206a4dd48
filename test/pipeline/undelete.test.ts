/**
 * What others deleted or overwrote in a vault whose store keeps versions: what comes back is what
 * Holdfast wrote, and what Holdfast deleted stays deleted.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { readTrails } from "../../src/pipeline/audit/read-trails.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { readLedger } from "../../src/pipeline/erasures/read-ledger.ts";
import { recordErasures } from "../../src/pipeline/erasures/record-erasures.ts";
import { writeInstructions } from "../../src/pipeline/export/vault-instructions.ts";
import { holdBackup, releaseHold } from "../../src/pipeline/hold.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { pruneSource } from "../../src/pipeline/prune.ts";
import { type UndeleteOptions, undeleteVault } from "../../src/pipeline/undelete.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { initVault, newVaultDocument } from "../../src/vault/documents/vault.ts";
import { newVaultId } from "../../src/vault/documents/vault-id.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { createFilesProject, type FilesProject, partOf } from "../support/files-project.ts";
import { shiftedClock } from "../support/pipeline.ts";
import { signedNames } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";
import { makeVersionedStore, type VersionedMemory } from "../support/versioned-store.ts";

const hourMs = 3_600_000;

let project: FilesProject;
let store: VersionedMemory;
/** The time by the store and by what works on it. */
let hours: number;
beforeEach(async () => {
  hours = 0;
  project = await createFilesProject();
  store = makeVersionedStore(() => shiftedClock(hours * hourMs).now());
  const context = await open();
  const restoreInstructions = () => writeInstructions(context.engines);
  await initVault(store, { ...context.run, holdfastVersion: "0", restoreInstructions });
});
afterEach(() => project[Symbol.asyncDispose]());

async function open(): Promise<PipelineContext> {
  return project.open({ wrapStore: () => store, shiftMs: hours * hourMs });
}

async function back(kind: "full" | "incremental" = "full"): Promise<string> {
  hours += 1;
  const context = await open();
  const { backupId } = await dumpSource(context, { source: "tree", kind });
  expect((await verifyBackup(context, await project.find(backupId, context))).outcome).toBe("verified");
  return backupId;
}

const everything: UndeleteOptions = { dryRun: false, verify: true, pruned: false };

async function undelete(options: Partial<UndeleteOptions> = {}) {
  const undeleted = await undeleteVault(await open(), "main", { ...everything, ...options });
  const left = Object.fromEntries(
    undeleted.objects.flatMap(({ object: { key }, left: reason }) => (reason === undefined ? [] : [[key, reason]])),
  );
  const states = undeleted.verified.map(({ backupId, outcome }) => `${backupId} ${outcome}`);
  return { ...undeleted, back: undeleted.objects.filter(({ left: reason }) => reason === undefined).length, left, states };
}

function empty(): void {
  hours += 1;
  for (const key of Object.keys(store.visible())) store.hide(key);
}

/** What Holdfast keeps: leases come and go, and each verification adds evidence. */
function contentOf(visible = store.visible()): Record<string, string> {
  return Object.fromEntries(Object.entries(visible).filter(([key]) => !key.startsWith("leases/")));
}

describe("a vault whose bucket was emptied", () => {
  it("comes back whole, and every backup reads back again", async () => {
    const ids = [await back(), await back()];
    await holdBackup(await open(), ids[0] ?? "", "case");
    const before = contentOf();
    empty();
    expect(contentOf()).toEqual({});
    const planned = await undelete({ dryRun: true });
    expect(contentOf()).toEqual({});
    expect(planned).toMatchObject({ keepsVersions: true, back: Object.keys(before).length, left: {}, verified: [], lost: [] });
    const done = await undelete();
    expect(done).toMatchObject({ back: planned.back, left: {}, failed: [], lost: [] });
    expect(done.states).toEqual(ids.map((id) => `${id} verified`));
    expect(contentOf()).toMatchObject(before);
    expect((await undelete()).back).toBe(0);
  });

  it("has in its audit trail that it came back, after what was there", async () => {
    const id = await back();
    await holdBackup(await open(), id, "case");
    empty();
    await undelete();
    const [trail] = await readTrails(await open(), {});
    expect(trail?.problems).toEqual([]);
    expect(trail?.entries.map(({ action }) => action)).toEqual(["hold.added", "vault.undeleted"]);
  });

  it("has its erasure ledgers again, and restores replay them", async () => {
    await back();
    const targets = [{ path: "file" }];
    for (const id of ["a", "b"]) await recordErasures(await open(), "tree", [{ id, reason: "x", targets }], { audited: false });
    empty();
    // Somebody put another where one was.
    await store.put(keyOf.erasure("tree", 2), Buffer.from("{}"));
    await undelete({ source: "tree" });
    const context = await open();
    const { entries, problems } = await readLedger(context, await context.vaultOf("main"), "tree");
    expect([entries.map(({ id }) => id), problems]).toEqual([["a", "b"], []]);
  });

  it("comes back by source, by backup and by time", async () => {
    const [first, second] = [await back(), await back()];
    empty();
    await expect(undelete({ backup: "tree/2001" })).rejects.toMatchObject({ name: "BackupNotFound" });
    await expect(undelete({ backup: first.slice(0, 4) })).rejects.toMatchObject({ name: "UsageInvalid" });
    expect((await undelete({ source: "other", dryRun: true })).back).toBe(2);
    expect((await undelete({ since: shiftedClock((hours + 1) * hourMs).now(), dryRun: true })).back).toBe(1);
    expect((await undelete({ backup: second })).states).toEqual([`${second} verified`]);
    expect(Object.keys(contentOf()).filter((key) => key.includes(first))).toEqual([]);
    expect((await undelete({ source: "tree" })).states).toEqual([`${first} verified`]);
  });

  it("brings with an incremental backup what it reuses of an earlier one, and not that one", async () => {
    const write = (name: string, letter: string) => writeFile(join(project.directory, "tree", name), letter.repeat(200_000));
    for (const name of ["a", "b"]) await write(name, name);
    const full = await back();
    await write("b", "B");
    const incremental = await back("incremental");
    empty();
    expect((await undelete({ backup: incremental })).states).toEqual([`${incremental} verified`]);
    const reused = Object.keys(contentOf()).filter((key) => key.startsWith(`artifacts/tree/${full}/`));
    expect(reused.length).toBeGreaterThan(0);
    expect(reused.filter((key) => !key.includes("/files-"))).toEqual([]);
    expect((await undelete()).states).toEqual([`${full} verified`]);
  });

  it("brings nothing back that a key would have to vouch for, where there is none, and says why", async () => {
    const id = await back();
    empty();
    await rm(join(project.directory, "main.key"));
    await createKeyFile(join(project.directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 9), now: new Date(0) });
    const done = await undelete();
    expect(done.problems.get(`tree/${id}`)).toMatch(/^cannot be judged: /);
    expect(done.left).toMatchObject({ [keyOf.manifest("tree", id)]: "no-genuine-version" });
    expect(Object.keys(contentOf())).toEqual(expect.not.arrayContaining([expect.stringContaining(id)]));
  });

  it("keeps one object that cannot be brought back from spoiling the others", async () => {
    const id = await back();
    empty();
    const { versions } = store;
    if (versions === undefined) throw new Error("no versions");
    const key = keyOf.digestKey("tree", id);
    const remove: typeof versions.remove = async (version) => {
      if (version.key === key) throw new HoldfastError("StoreUnavailable", "cut");
      return versions.remove(version);
    };
    const undeleted = await undeleteVault(
      await project.open({ wrapStore: () => ({ ...store, versions: { ...versions, remove } }), shiftMs: hours * hourMs }),
      "main",
      everything,
    );
    expect(undeleted.failed.map((each) => each.key)).toEqual([key]);
    expect(store.visible()[keyOf.manifest("tree", id)]).toBeDefined();
  });

  it("names the rights that are needed, where nothing may be brought back", async () => {
    await back();
    for (const key of Object.keys(store.visible())) store.overwrite(key, Buffer.from("ransom"));
    Object.assign(store.rights, { remove: false, overwrite: false });
    const hint = expect.stringContaining("s3:ListBucketVersions, s3:GetObjectVersion and s3:DeleteObjectVersion");
    await expect(undelete()).rejects.toMatchObject({ name: "StoreAccessDenied", hint });
    const refuse = () => {
      throw new HoldfastError("StoreAccessDenied", "not allowed to list versions");
    };
    const blind = { ...store, versions: store.versions && { ...store.versions, list: refuse } };
    const context = await project.open({ wrapStore: () => blind });
    await expect(undeleteVault(context, "main", everything)).rejects.toMatchObject({ name: "StoreAccessDenied", hint });
  });
});

describe("what Holdfast deleted itself", () => {
  it("stays deleted where a prune could only hide it, also in a bucket that was emptied since", async () => {
    store.rights.deleteVersions = false;
    const first = await back();
    const second = await back();
    hours += 1;
    expect((await pruneSource(await open(), "tree")).deleted).toEqual([first]);
    empty();
    const done = await undelete();
    expect(done.states).toEqual([`${second} verified`]);
    expect(done.left).toMatchObject({
      [keyOf.manifest("tree", first)]: "pruned",
      [keyOf.artifact("tree", first, partOf(first))]: "pruned",
    });
    expect(Object.keys(contentOf()).some((key) => key.startsWith(`tombstones/tree/${first}`))).toBe(true);
    const asked = await undelete({ pruned: true });
    expect(asked.states).toEqual([`${first} verified`]);
  });

  it("is told from what somebody deleted and wrote a tombstone for afterwards", async () => {
    store.rights.deleteVersions = false;
    const first = await back();
    await back();
    hours += 1;
    store.hide(keyOf.manifest("tree", first));
    hours += 1;
    const names = signedNames((await (await open()).vaultOf("main")).id);
    const bytes = Buffer.from("{}");
    await store.put(names.tombstone("tree", first, bytes, shiftedClock(hours * hourMs).now()), bytes);
    expect((await undelete()).states).toEqual([`${first} verified`]);
  });

  it("is a hold that was released, and not one that was deleted", async () => {
    store.rights.deleteVersions = false;
    const [released, held] = [await back(), await back()];
    for (const id of [released, held]) await holdBackup(await open(), id, "case");
    hours += 1;
    await releaseHold(await open(), released);
    empty();
    const done = await undelete();
    const holds = Object.keys(contentOf()).filter((key) => key.startsWith("holds/"));
    expect(holds).toEqual([expect.stringContaining(held)]);
    expect(Object.entries(done.left)).toEqual([[expect.stringContaining(`holds/tree/${released}`), "released"]]);
  });

  it("is no backup of another vault with the same key, whose objects were put here and hidden", async () => {
    await back();
    const own = store;
    const { run } = await open();
    store = makeVersionedStore(() => shiftedClock(hours * hourMs).now());
    await initVault(store, { ...run, holdfastVersion: "0", restoreInstructions: async () => "text" });
    const foreign = await back();
    for (const [key, bytes] of Object.entries(store.visible()).filter(([each]) => each.includes(foreign))) {
      own.overwrite(key, Buffer.from(bytes, "hex"));
      own.hide(key);
    }
    store = own;
    const done = await undelete();
    expect(done.back).toBe(0);
    expect(done.problems.get(`tree/${foreign}`)).toBe("has no seal left, in any version");
  });

  it("is what a failed run took back: nothing names it", async () => {
    await back();
    await store.put("artifacts/tree/20261101T000000Z-full-aaaaaa/part.tar", Buffer.from("half"));
    store.hide("artifacts/tree/20261101T000000Z-full-aaaaaa/part.tar");
    expect(await undelete()).toMatchObject({
      back: 0,
      left: { "artifacts/tree/20261101T000000Z-full-aaaaaa/part.tar": "unnamed" },
    });
  });
});

describe("what was written over", () => {
  const forged = Buffer.from("encrypted by somebody else");

  it("comes back, whatever of a backup it was, and nothing is left over it", async () => {
    const id = await back();
    await back();
    const before = contentOf();
    for (const key of Object.keys(before)) store.overwrite(key, forged);
    const done = await undelete();
    expect(done.left).toEqual({});
    expect(contentOf()).toMatchObject(before);
    expect(done.states.every((state) => state.endsWith("verified"))).toBe(true);
    expect(done.states).toHaveLength(2);
    const { versions } = store;
    if (versions === undefined) throw new Error("no versions");
    expect(await toList(versions.list(keyOf.manifest("tree", id)))).toHaveLength(1);
    for (const room of ["artifacts/", "evidence/", "manifests/"]) expect(await toList(store.listHidden(room))).toEqual([]);
  });

  it("by something plausible comes back too: another backup's manifest and seal, an artifact of the same size", async () => {
    const [first, second] = [await back(), await back()];
    const before = contentOf();
    const copy = (from: string, to: string) => store.overwrite(to, Buffer.from(before[from] ?? "", "hex"));
    copy(keyOf.manifest("tree", first), keyOf.manifest("tree", second));
    copy(keyOf.manifestSeal("tree", first), keyOf.manifestSeal("tree", second));
    copy(keyOf.digestKey("tree", first), keyOf.digestKey("tree", second));
    const artifact = keyOf.artifact("tree", second, partOf(second));
    store.overwrite(artifact, Buffer.alloc(Buffer.from(before[artifact] ?? "", "hex").length, 1));
    expect((await undelete()).back).toBe(4);
    expect(contentOf()).toMatchObject(before);
  });

  it("is left where what lies on top is what was written first", async () => {
    await back();
    const before = contentOf();
    for (const [key, bytes] of Object.entries(before)) {
      store.overwrite(key, forged);
      store.overwrite(key, Buffer.from(bytes, "hex"));
    }
    const done = await undelete();
    expect(done.back).toBe(0);
    expect(new Set(Object.values(done.left))).toEqual(new Set(["current"]));
  });

  it("is a holdfast.json with another id: the seals tell which is right, also where the other is older", async () => {
    const id = await back();
    const before = contentOf();
    const options = { ...(await open()).run, holdfastVersion: "0", vaultId: newVaultId((count) => Buffer.alloc(count, 9)) };
    store.overwrite("holdfast.json", newVaultDocument(options));
    expect((await undelete()).states).toEqual([]);
    expect(contentOf()).toMatchObject(before);
    store.overwrite("holdfast.json", newVaultDocument(options));
    empty();
    expect((await undelete()).states).toEqual([`${id} verified`]);
    expect(contentOf()).toMatchObject(before);
  });

  it("comes back in any order of deletions, forgeries and true copies over any objects", { timeout: 120_000 }, async () => {
    await back();
    const id = await back();
    await holdBackup(await open(), id, "case");
    const genuine = contentOf();
    const keys = Object.keys(genuine);
    const edit = fc.record({
      key: fc.constantFrom(...keys),
      act: fc.constantFrom("hide" as const, "forge" as const, "swap" as const, "same size" as const, "rewrite" as const),
      other: fc.constantFrom(...keys),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 25 }), async (edits) => {
        hours += 1;
        for (const { key, act, other } of edits) {
          const own = Buffer.from(genuine[key] ?? "", "hex");
          if (act === "hide") store.hide(key);
          if (act === "forge") store.overwrite(key, forged);
          if (act === "swap") store.overwrite(key, Buffer.from(genuine[other] ?? "", "hex"));
          if (act === "same size") store.overwrite(key, Buffer.alloc(own.length, 1));
          if (act === "rewrite") store.overwrite(key, own);
        }
        await undelete({ verify: false });
        expect(contentOf()).toMatchObject(genuine);
        await undelete({ verify: false });
        expect(contentOf()).toMatchObject(genuine);
      }),
      { numRuns: 25 },
    );
  });
});

describe("a vault in a store without versions", () => {
  it("has nothing to bring back; what is lost is named", async () => {
    const [lost, kept] = [await project.back({ minutesAgo: 60 }), await project.back()];
    await rm(join(project.vault, keyOf.manifest("tree", lost)));
    const done = await undeleteVault(await project.open(), "main", everything);
    expect(done).toMatchObject({ keepsVersions: false, objects: [], lost: [{ source: "tree", id: lost }] });
    expect(await project.filesOf("manifests")).toEqual([keyOf.manifest("tree", kept)]);
  });
});
