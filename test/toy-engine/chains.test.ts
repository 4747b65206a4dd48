/**
 * Backups that build on others, made by the toy engine: what is chosen to build on, what a restore
 * gives at each position, and what is made of a chain that lost or changed a link.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addHold } from "../../src/cli/commands/hold.ts";
import type { Session } from "../../src/cli/session.ts";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { newestGoodBackup } from "../../src/pipeline/catalogue/newest-good.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { exportBackup } from "../../src/pipeline/export.ts";
import { listEntries } from "../../src/pipeline/list-source.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { authenticatorOf } from "../../src/pipeline/opening/authentic-manifest.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { planRestore, restoreBackup } from "../../src/pipeline/restore.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { type Manifest, readManifest } from "../../src/vault/documents/manifest.ts";
import { examineBackup } from "../../src/vault/examine-backup.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { commitSealed } from "../support/sealed-backups.ts";
import { createToyProject, type ToyProject } from "./toy-project.ts";

let project: ToyProject;
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 10) + minute * 60_000).toISOString();
/** A line for each minute up to this one. */
const linesUntil = (minute: number): string[] => Array.from({ length: minute + 1 }, (_, index) => `${at(index)} line ${index}`);

beforeAll(async () => {
  project = await createToyProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(() => project.useVault());

async function dumpAt(minute: number, kind: Manifest["kind"], verify = true): Promise<string> {
  await project.write(linesUntil(minute));
  return project.dump(minute, kind, verify);
}

const manifestOf = async (id: string): Promise<Manifest> => (await readManifest(project.vault, "bear", id)).manifest;
const baseOf = async (id: string): Promise<string | undefined> => (await manifestOf(id)).base?.id;

/** The state that `list` and `show` say, and why. */
async function stateOf(id: string, minute = 50): Promise<{ readonly state: string; readonly problems: readonly string[] }> {
  const context = await project.open(minute);
  const { entry, vault } = await findInVaults(context, id);
  const examined = await examineBackup(vault.store, entry, authenticatorOf(context, vault));
  return { state: examined?.state ?? "gone", problems: examined?.problems ?? [] };
}

async function restored(id: string, until?: string): Promise<readonly string[]> {
  const context = await project.open(50);
  const to = join(project.directory, "restored");
  const options = { to, overwrite: false, allowDamaged: false, ...(until === undefined ? {} : { until }) };
  expect((await restoreBackup(context, await findInVaults(context, id), options)).intact).toBe(true);
  return (await readFile(to, "utf8")).trimEnd().split("\n");
}

/**
 * A full, a log, an incremental, a log that reaches it, two logs on the incremental, and a
 * differential.
 */
async function makeChain() {
  const full = await dumpAt(0, "full");
  const firstLog = await dumpAt(5, "log");
  const incremental = await dumpAt(10, "incremental");
  const reaching = await dumpAt(12, "log");
  const log = await dumpAt(15, "log");
  const last = await dumpAt(20, "log");
  const differential = await dumpAt(25, "differential");
  return { full, firstLog, incremental, reaching, log, last, differential };
}

describe("a chain", () => {
  it("has each kind build on what its rule names, with where it goes on", async () => {
    const { full, firstLog, incremental, reaching, log, last, differential } = await makeChain();
    expect(await baseOf(firstLog)).toBe(full);
    expect(await baseOf(incremental)).toBe(full);
    expect(await baseOf(reaching)).toBe(firstLog);
    expect(await baseOf(log)).toBe(incremental);
    expect(await baseOf(last)).toBe(log);
    expect(await baseOf(differential)).toBe(full);
    expect((await manifestOf(last)).coverage).toEqual({
      from: { at: at(15), mark: "16", line: "1" },
      to: { at: at(20), mark: "21", line: "1" },
    });
    const listed: (string | undefined)[] = [];
    const context = await project.open(50);
    for await (const { base } of listEntries(context, await context.vaultOf("main"))) listed.push(base);
    expect(listed).toEqual([undefined, full, full, firstLog, incremental, log, full]);
    const isFirst = [firstLog, incremental, reaching, log, last].map((id) => id.includes("-log-first-"));
    expect(isFirst).toEqual([true, false, false, true, false]);
  });

  it("is restored to its end, and to any instant of its last backup", async () => {
    const { last, differential, log } = await makeChain();
    expect(await restored(last)).toEqual(linesUntil(20));
    expect(await restored(differential)).toEqual(linesUntil(25));
    for (const minute of [15, 17, 20]) expect(await restored(last, at(minute))).toEqual(linesUntil(minute));
    await expect(restored(log, at(17))).rejects.toMatchObject({ name: "UsageInvalid", message: expect.stringContaining(at(15)) });
    const context = await project.open(50);
    const options = { to: "/nowhere", overwrite: false, allowDamaged: false, until: at(17) };
    const { steps } = await planRestore(context, await findInVaults(context, last), options);
    expect(steps).toEqual(["read 4 backups, one after the other", `stop at ${at(17)}`, "write the lines"]);
  });

  it("is proven by a restore test of its last backup, which needs no proof of the others", async () => {
    const { last, log, full } = await makeChain();
    const context = await project.open(50);
    expect(await restoreTest(context, await findInVaults(context, last))).toMatchObject({ outcome: "proven" });
    expect(await stateOf(last)).toEqual({ state: "proven", problems: [] });
    expect([(await stateOf(log)).state, (await stateOf(full)).state]).toEqual(["verified", "verified"]);
  });

  it("is disproven when something in its middle does not read back", async () => {
    const { last, incremental } = await makeChain();
    await project.vault.put(keyOf.artifact("bear", incremental, "lines.txt"), Buffer.from("odd"));
    const context = await project.open(50);
    expect(await restoreTest(context, await findInVaults(context, last))).toMatchObject({ outcome: "disproven" });
  });
});

describe("what builds on a backup", () => {
  it("that is damaged is not relied on, anywhere", async () => {
    const { full, incremental, log, last, differential } = await makeChain();
    await project.vault.put(keyOf.artifact("bear", incremental, "lines.txt"), Buffer.from("odd"));
    const context = await project.open(50);
    expect(await verifyBackup(context, await findInVaults(context, incremental))).toMatchObject({ outcome: "damaged" });
    expect(await stateOf(log)).toEqual({
      state: "damaged",
      problems: [`it builds on ${incremental}, which is damaged or missing`],
    });
    expect(await stateOf(last)).toEqual({ state: "damaged", problems: [`it builds on ${log}, which is damaged or missing`] });
    expect((await stateOf(differential)).state).toBe("verified");
    await expect(restored(last)).rejects.toMatchObject({ name: "BackupDamaged", message: expect.stringContaining(log) });
    await project.vault.delete(keyOf.manifest("bear", differential));
    expect(await newestGoodBackup(context, "bear")).toMatchObject({ id: expect.stringContaining("-log-") });
    const status = await measureSources(context, Object.values(context.policy.sources));
    expect(JSON.stringify(status)).toContain(`it builds on ${log}, which is damaged or missing`);
    expect((await planPrune(await project.open(51), "bear")).decisions).toContainEqual(
      expect.objectContaining({ id: full, kept: true }),
    );
  });

  it("that is missing or was swapped is found by its manifest", async () => {
    const { full, incremental, log } = await makeChain();
    const key = keyOf.manifest("bear", incremental);
    const before = project.vault.objects.get(key)?.bytes ?? Buffer.alloc(0);
    await project.vault.delete(key);
    expect(await stateOf(log)).toEqual({ state: "damaged", problems: [`${log} builds on ${incremental}, which is missing`] });
    const context = await project.open(50);
    expect(await verifyBackup(context, await findInVaults(context, log))).toMatchObject({
      outcome: "damaged",
      findings: [expect.stringContaining("which is missing")],
    });
    const swapped = { ...(JSON.parse(String(before)) as Manifest), finishedAt: at(49) };
    const sealing = { keys: await context.keysOf("main"), vaultId: (await context.vaultOf("main")).id };
    await project.vault.delete(keyOf.manifestSeal("bear", incremental));
    await commitSealed(project.vault, swapped, sealing);
    // It was made with the vault's key, and is still not the one that was built on.
    expect((await stateOf(incremental)).problems).toEqual([expect.stringContaining("about another manifest")]);
    const found = await verifyBackup(await project.open(50), await findInVaults(context, log));
    expect(found.findings).toEqual([expect.stringMatching(new RegExp(`builds on ${incremental}, whose manifest is not the one`))]);
    expect((await stateOf(full)).state).toBe("verified");
  });

  it("that is not verified is not verified either, until a proof covers both", async () => {
    await dumpAt(0, "full", false);
    const log = await dumpAt(5, "log");
    expect(await stateOf(log)).toEqual({ state: "stored", problems: [] });
    const context = await project.open(50);
    await restoreTest(context, await findInVaults(context, log));
    expect((await stateOf(log)).state).toBe("proven");
  });
});

describe("a dump", () => {
  it("builds on the newest sound backup, and skips what is damaged", async () => {
    const { full, incremental } = await makeChain();
    const differential = (await project.dump(30, "differential")) ?? "";
    await project.vault.put(keyOf.artifact("bear", differential, "lines.txt"), Buffer.from("odd"));
    const context = await project.open(31);
    await verifyBackup(context, await findInVaults(context, differential));
    const next = await dumpAt(35, "incremental");
    expect(await baseOf(next)).not.toBe(differential);
    expect((await stateOf(next)).state).toBe("verified");
    expect(await restored(next)).toEqual(linesUntil(35));
    // A base without its seal was made by somebody else.
    await project.vault.delete(keyOf.manifestSeal("bear", next));
    const warnings: string[] = [];
    await project.write(linesUntil(40));
    const made = await dumpSource(await project.open(40, warnings), { source: "bear", kind: "incremental" });
    expect(warnings).toContainEqual(expect.stringContaining(`${next} is not built on`));
    expect((await stateOf(next)).state).toBe("damaged");
    const listed = new Map<string, string | undefined>();
    const later = await project.open(50);
    for await (const { id, base } of listEntries(later, await later.vaultOf("main"))) listed.set(id, base);
    expect(listed.get(made.backupId)).toBe(await baseOf(made.backupId));
    expect([full, incremental, differential, next]).not.toContain(made.backupId);
    expect(await restored(made.backupId)).toEqual(linesUntil(40));
  });

  it("makes a full where there is nothing to build on, and says so; a log is refused", async () => {
    await project.write(linesUntil(0));
    const context = await project.open(0);
    await expect(dumpSource(context, { source: "bear", kind: "log" })).rejects.toMatchObject({
      name: "BackupNotFound",
      hint: expect.stringContaining("--kind full"),
    });
    const made = await dumpSource(context, { source: "bear", kind: "differential" });
    expect(made).toMatchObject({ kind: "full", notices: [{ code: "full-instead", subject: "differential" }] });
    expect(made.backupId).toContain("-full-");
  });

  it("commits nothing on a base that went, or that the source does not go on from", async () => {
    const full = await dumpAt(0, "full");
    const context = await project.open(5);
    const engine = await context.engineOf("toy");
    const losing = {
      ...context,
      engineOf: async () => ({
        ...engine,
        async openDump(...given: Parameters<typeof engine.openDump>) {
          const session = await engine.openDump(...given);
          await project.vault.delete(keyOf.manifest("bear", full));
          return session;
        },
      }),
    };
    await expect(dumpSource(losing, { source: "bear", kind: "log" })).rejects.toMatchObject({
      name: "ManifestDamaged",
      message: expect.stringContaining(`builds on ${full}, which is missing`),
    });
    expect(project.manifestIds()).toEqual([]);
    await dumpAt(10, "full");
    await project.write(linesUntil(15), "2");
    await expect(project.dump(15, "log")).rejects.toMatchObject({ message: expect.stringContaining("line 2 is not line 1") });
  });
});

describe("manifests that their maker did not mean well", () => {
  /** Made with the key, as only a faulty program could. */
  async function commit(change: Partial<Manifest>): Promise<string> {
    const context = await project.open(30);
    const sealing = { keys: await context.keysOf("main"), vaultId: (await context.vaultOf("main")).id };
    const id = "20260110T003000Z-log-first-aaaaaa";
    await commitSealed(project.vault, { ...(await manifestOf(change.base?.id ?? "")), id, kind: "log", ...change }, sealing);
    const { findings } = await verifyBackup(context, await findInVaults(context, id));
    return findings.join("; ");
  }

  it.each([
    [
      "positions that run backwards",
      { from: { at: at(1), mark: "6", line: "1" }, to: { at: at(2), mark: "9", line: "1" } },
      "run backwards",
    ],
    [
      "a gap",
      { from: { at: at(5), mark: "8", line: "1" }, to: { at: at(9), mark: "9", line: "1" } },
      "begins after line 8, not after line 6",
    ],
    [
      "another line",
      { from: { at: at(5), mark: "6", line: "2" }, to: { at: at(9), mark: "9", line: "2" } },
      "line 2 is not line 1",
    ],
  ])("%s", async (_, coverage, says) => {
    const full = await dumpAt(5, "full");
    const { sha256 } = await readManifest(project.vault, "bear", full);
    expect(await commit({ base: { id: full, manifestSha256: sha256 }, coverage })).toContain(says);
  });

  it("a wrong hash", async () => {
    const full = await dumpAt(5, "full");
    const coverage = { from: { at: at(5), mark: "6", line: "1" }, to: { at: at(9), mark: "9", line: "1" } };
    const base = { id: full, manifestSha256: "0".repeat(64) };
    expect(await commit({ base, coverage })).toContain("changed or swapped");
  });
});

describe("an export", () => {
  it("brings along what the backup builds on, once, and restores from the folder", async () => {
    const { full, incremental, log, last, differential } = await makeChain();
    const context = await project.open(50);
    const to = join(project.directory, "exported");
    const exported = await exportBackup(context, await findInVaults(context, last), to);
    expect(exported).toMatchObject({ buildsOn: [full, incremental, log], notCopied: [] });
    expect(await exportBackup(context, await findInVaults(context, differential), to)).toMatchObject({ buildsOn: [full] });
    const text = await readFile(join(to, "RESTORE.md"), "utf8");
    expect(text).toContain("which must be restored before it");
    // The folder alone: what the vault had is gone.
    await project.useFolder(to);
    expect(project.manifestIds()).toEqual([full, incremental, log, last, differential].sort());
    expect(await restored(last)).toEqual(linesUntil(20));
    expect(await restored(last, at(17))).toEqual(linesUntil(17));
    expect(await restored(differential)).toEqual(linesUntil(25));
    expect((await stateOf(last)).state).toBe("verified");
  });

  it("of a backup whose base is missing says so, and writes nothing", async () => {
    const { incremental, log } = await makeChain();
    await project.vault.delete(keyOf.manifest("bear", incremental));
    const context = await project.open(50);
    const to = join(project.directory, "broken");
    const found = await findInVaults(context, log);
    await expect(exportBackup(context, found, to)).rejects.toMatchObject({
      name: "ManifestDamaged",
      message: expect.stringContaining(`builds on ${incremental}, which is missing`),
    });
    await expect(readFile(join(to, "holdfast.json"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a prune", () => {
  it("releases what builds on a backup before it, and deletes it in that order", async () => {
    const made = Object.values(await makeChain());
    const bases = new Map<string, string | undefined>();
    for (const id of made) bases.set(id, await baseOf(id));
    const full = await dumpAt(200, "full");
    const { released } = await planPrune(await project.open(250), "bear");
    expect(released.toSorted()).toEqual(made.toSorted());
    for (const [id, base] of bases) if (base !== undefined) expect(released.indexOf(base)).toBeGreaterThan(released.indexOf(id));
    expect((await pruneSource(await project.open(250), "bear")).deleted).toEqual(released);
    expect(project.manifestIds()).toEqual([full]);
  });

  it("keeps every base of what it keeps", async () => {
    const { full, incremental, log } = await makeChain();
    await dumpAt(200, "full");
    const context = await project.open(250);
    await addHold({ context } as Session, log, { reason: "a lawsuit" });
    await pruneSource(context, "bear");
    expect(project.manifestIds().slice(0, -1)).toEqual([full, incremental, log]);
    expect(await restored(log)).toEqual(linesUntil(15));
  });
});
