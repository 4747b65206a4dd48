/** Erasures of files: recorded in the vault, and gone from every copy that people get. */
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { recordErasures } from "../../../src/pipeline/erasures/record-erasures.ts";
import { exportBackup } from "../../../src/pipeline/export.ts";
import type { PipelineContext } from "../../../src/pipeline/pipeline-context.ts";
import { keepRestored } from "../../../src/pipeline/restore/keep-restored.ts";
import { restoreBackup } from "../../../src/pipeline/restore.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../../support/files-project.ts";

vi.setConfig({ testTimeout: 120_000 });

const gdpr = { reason: "GDPR Art. 17" };

async function record(context: PipelineContext, path: string, more: { readonly id?: string; readonly erasedAt?: string } = {}) {
  return recordErasures(context, "tree", [{ ...gdpr, ...more, targets: [{ path }] }], { audited: true });
}

async function restoreTo(project: FilesProject, id: string, name: string, more: { readonly withoutErasures?: boolean } = {}) {
  const to = join(project.directory, name);
  const warnings: string[] = [];
  const context = await project.open({ warnings });
  const options = { to, overwrite: false, allowDamaged: false, ...more };
  return { to, warnings, result: await restoreBackup(context, await project.find(id, context), options) };
}

async function twoPeople(project: FilesProject): Promise<void> {
  for (const person of ["ada", "bob"]) {
    await mkdir(join(project.directory, "tree", "home", person), { recursive: true });
    await writeFile(join(project.directory, "tree", "home", person, "notes.txt"), person);
  }
}

test("what was erased since is not in the copy, and nothing else is touched", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const home = join(project.directory, "tree", "home");
  await utimes(home, 1_600_000_000, 1_600_000_000);
  await chmod(home, 0o555);
  const id = await project.back({ minutesAgo: 60 });
  await record(await project.open(), "home/ada/");
  await record(await project.open(), "nobody.txt");
  const { to, result } = await restoreTo(project, id, "restored");
  expect(result.erasures).toEqual({
    entries: 2,
    replayed: 2,
    problems: [],
    objects: [{ object: "paths", erased: 1, notFound: 1 }],
    notApplicable: [],
    refused: [],
    stillThere: [],
  });
  expect(result).toMatchObject({ intact: true, comparison: { equal: true } });
  expect(await readdir(join(to, "home"))).toEqual(["bob"]);
  expect(await readFile(join(to, "home", "bob", "notes.txt"), "utf8")).toBe("bob");
  const { mode, mtimeMs } = await stat(join(to, "home"));
  expect([mode & 0o777, mtimeMs]).toEqual([0o555, 1_600_000_000_000]);
});

test("only what is newer than the backup is replayed; what is older and still there is reported", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const id = await project.back({ minutesAgo: 60 });
  const old = new Date(Date.now() - 3 * 86_400_000).toISOString();
  await record(await project.open({ shiftMs: -3 * 86_400_000 }), "home/ada/", { erasedAt: old });
  const { to, result, warnings } = await restoreTo(project, id, "restored");
  expect(await readdir(join(to, "home"))).toEqual(["ada", "bob"]);
  expect(result.erasures).toMatchObject({ entries: 1, replayed: 0, objects: [], stillThere: [{ object: "paths", found: 1 }] });
  expect(warnings.join("\n")).toMatch(/paths: 1 .* came back on purpose, or were never erased/);
  // Recorded long ago, and carried out after the backup: newer.
  await record(await project.open({ shiftMs: -3 * 86_400_000 }), "home/ada/", { erasedAt: new Date().toISOString() });
  const later = await restoreTo(project, id, "later");
  expect(await readdir(join(later.to, "home"))).toEqual(["bob"]);
});

test("a throwaway that people look into, a copy that differs, and a safety backup are freed of it as well", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const id = await project.back({ minutesAgo: 60 });
  await record(await project.open(), "home/ada/");
  const kept = await keepRestored(await project.open(), await project.find(id), { allowDamaged: false });
  try {
    expect(await readdir(join(kept.access[0] ?? "", "home"))).toEqual(["bob"]);
    expect(kept.result.erasures?.objects).toEqual([{ object: "paths", erased: 1, notFound: 0 }]);
  } finally {
    await kept.close();
  }

  const context = await project.open();
  const differing: PipelineContext = {
    ...context,
    async engineOf(name) {
      const engine = await context.engineOf(name);
      const lacking = { class: "lacking", subject: "x", message: "y" } as const;
      return {
        ...engine,
        async openTarget(...given) {
          const place = await engine.openTarget(...given);
          return { ...place, load: async () => ({ findings: [...(await place.load()).findings, lacking] }) };
        },
      };
    },
  };
  const to = join(project.directory, "odd");
  const odd = restoreBackup(differing, await project.find(id), { to, overwrite: false, allowDamaged: false });
  await expect(odd).rejects.toMatchObject({ name: "RestoreDiffers" });
  const [beside = ""] = (await readdir(project.directory)).filter((name) => name.startsWith("odd"));
  expect(await readdir(join(project.directory, beside, "home"))).toEqual(["bob"]);

  // What stood at a target is a backup of a series of its own, and holds the same people.
  const { safetyBackup } = await restoreBackup(await project.open(), await project.find(id), {
    to: join(project.directory, "tree"),
    overwrite: true,
    allowDamaged: false,
  });
  const again = await restoreTo(project, `${safetyBackup?.source}/${safetyBackup?.backupId}`, "again");
  expect(again.result.erasures).toMatchObject({ entries: 1, replayed: 1, objects: [{ erased: 1 }] });
  expect(await readdir(join(again.to, "home"))).toEqual(["bob"]);
});

test("a ledger that cannot be trusted refuses the restore before anything is loaded; the word is written down", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const id = await project.back({ minutesAgo: 60 });
  for (const path of ["home/ada/", "file"]) await record(await project.open(), path);
  const [first = ""] = await project.filesOf("erasures");
  await rm(join(project.vault, first));
  await expect(restoreTo(project, id, "refused")).rejects.toMatchObject({
    name: "ErasuresUnreadable",
    exitCode: 4,
    details: [expect.stringContaining("0000000002.json")],
    hint: expect.stringContaining("--without-erasures"),
  });
  expect((await readdir(project.directory)).filter((name) => name.startsWith("refused"))).toEqual([]);

  // What can still be read is replayed all the same.
  const { to, result, warnings } = await restoreTo(project, id, "allowed", { withoutErasures: true });
  expect(await readdir(to)).toEqual(["home"]);
  expect(result.erasures).toMatchObject({ entries: 1, replayed: 1, problems: [expect.stringContaining("does not follow")] });
  expect(warnings.join("\n")).toContain("the restore goes on, as was asked for");
  const trail = await Promise.all((await project.filesOf("audit")).map((file) => readFile(join(project.vault, file), "utf8")));
  expect(trail.at(-1)).toMatch(/"erasures":"1 replayed, 1 erased, 1 problems of the ledger".*"withoutErasures":"yes"/);
});

test("what somebody planted takes nothing out of a copy, and is reported", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const id = await project.back({ minutesAgo: 60 });
  await record(await project.open(), "nobody");
  const [genuine = ""] = await project.filesOf("erasures");
  const text = await readFile(join(project.vault, genuine), "utf8");
  // Signed by nobody: the same entry under the next number, and one with another signature.
  const forged = text.replace('"number":1', '"number":2').replace(/"signature":"...../, '"signature":"AAAAA');
  await writeFile(join(project.vault, "erasures", "tree", "0000000002.json"), forged);
  await expect(restoreTo(project, id, "refused")).rejects.toMatchObject({
    name: "ErasuresUnreadable",
    details: [expect.stringContaining("was not signed by any key of the policy")],
  });
  const { to, result } = await restoreTo(project, id, "allowed", { withoutErasures: true });
  expect((await readdir(to)).sort()).toEqual(["file", "home"]);
  expect(result.erasures).toMatchObject({ entries: 1, replayed: 1, problems: [expect.any(String)] });
  // A new entry steps over it, and counts.
  expect((await record(await project.open(), "file"))[0]?.number).toBe(3);
});

test("a request that comes again is recorded once; two that share an id by mistake both count", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const id = await project.back({ minutesAgo: 60 });
  const [made] = await record(await project.open(), "home/ada/", { id: "ticket-1" });
  const [again] = await record(await project.open(), "home/ada/", { id: "ticket-1" });
  expect([made?.repeated, again?.repeated, again?.number]).toEqual([false, true, made?.number]);
  expect(await project.filesOf("erasures")).toHaveLength(1);
  // Whoever removes the pointer, or points it elsewhere, makes nothing vanish: it is recorded
  // again.
  const [pointer = ""] = await project.filesOf("erasure-ids");
  for (const change of [
    () => rm(join(project.vault, pointer)),
    () =>
      chmod(join(project.vault, pointer), 0o600).then(() =>
        writeFile(join(project.vault, pointer), '{"formatVersion":2,"number":7}'),
      ),
  ]) {
    await change();
    expect((await record(await project.open(), "home/bob/", { id: "ticket-1" }))[0]?.repeated).toBe(false);
  }
  const { to, result } = await restoreTo(project, id, "restored");
  expect(result.erasures).toMatchObject({ entries: 3, replayed: 3, objects: [{ erased: 2, notFound: 0 }] });
  expect(await readdir(join(to, "home"))).toEqual([]);
});

test("an export brings the ledger along, and a restore from it replays it", async () => {
  await using project = await createFilesProject();
  await twoPeople(project);
  const id = await project.back({ minutesAgo: 60 });
  await record(await project.open(), "home/ada/");
  const copy = join(project.directory, "copy");
  expect((await exportBackup(await project.open(), await project.find(id), copy)).erasures).toBe(1);
  await project.writePolicy(treePolicy.replace("folder:vault", "folder:copy"));
  const { to, result } = await restoreTo(project, id, "restored");
  expect(result.erasures).toMatchObject({ entries: 1, replayed: 1 });
  expect(await readdir(join(to, "home"))).toEqual(["bob"]);
});

test("an engine that can take nothing out hands nothing over, unless the word is given", async () => {
  await using project = await createFilesProject();
  const id = await project.back({ minutesAgo: 60 });
  await record(await project.open(), "file");
  const context = await project.open();
  const unable: PipelineContext = {
    ...context,
    async engineOf(name) {
      const engine = await context.engineOf(name);
      return {
        ...engine,
        async openTarget(...given) {
          const { erase: _erase, ...place } = await engine.openTarget(...given);
          return place;
        },
      };
    },
  };
  const to = join(project.directory, "restored");
  const options = { to, overwrite: false, allowDamaged: false };
  await expect(restoreBackup(unable, await project.find(id), options)).rejects.toMatchObject({
    name: "ErasuresRefused",
    exitCode: 5,
    details: ["backup (1 erasure): this engine cannot take anything out of what it restored"],
  });
  expect((await readdir(project.directory)).filter((name) => name.startsWith("restored"))).toEqual([]);
  const allowed = await restoreBackup(unable, await project.find(id), { ...options, withoutErasures: true });
  expect(allowed.erasures?.refused).toHaveLength(1);
  expect(await readFile(join(to, "file"), "utf8")).toBe("content");
});

test("nothing is recorded of a list with one that is malformed, and no message has a value", async () => {
  await using project = await createFilesProject();
  await project.back({ minutesAgo: 60 });
  const context = await project.open();
  const secret = "ada-lovelace";
  const requests = [
    { ...gdpr, targets: [{ path: "home/ada/" }] },
    { ...gdpr, targets: [{ path: `${secret}/../x` }] },
    { ...gdpr, targets: [{ schema: "public", table: "users", key: { id: secret } }] },
    { ...gdpr, id: `${secret} ${secret}`, targets: [{ path: "x" }] },
    { reason: " ", targets: [{ path: "x" }] },
  ];
  const error = await recordErasures(context, "tree", requests, { audited: true }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "UsageInvalid", exitCode: 2, message: expect.stringContaining("4 of 5 erasures") });
  expect(JSON.stringify(error)).not.toContain(secret);
  expect((error as Error).message).not.toContain(secret);
  expect(await project.filesOf("erasures")).toEqual([]);
});
