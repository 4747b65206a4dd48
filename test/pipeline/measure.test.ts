/**
 * One vault that cannot be read keeps only its own sources from being measured, reported and
 * listed.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listHolds } from "../../src/cli/commands/hold.ts";
import { report } from "../../src/cli/commands/report.ts";
import { status } from "../../src/cli/commands/status.ts";
import type { Session } from "../../src/cli/session.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { run } from "../support/processes.ts";

let project: FilesProject;
beforeEach(async () => {
  project = await createFilesProject();
  await project.back();
  await project.writePolicy(
    "version: 1\nvaults: { main: folder:vault, other: folder:other }\nkeys: { main: file:main.key }\nsources:\n" +
      "  tree: { engine: files, path: tree, vault: main, retention: { keepLast: 1 } }\n" +
      "  lost: { engine: files, path: tree, vault: other, retention: { keepLast: 1 } }\n",
  );
  mkdirSync(at("other"));
});
afterEach(() => project[Symbol.asyncDispose]());

const at = (name: string) => join(project.directory, name);

async function openSession(): Promise<Session> {
  return { context: await project.open(), terminal: { columns: 100 } } as unknown as Session;
}

describe.each<[string, () => Promise<void> | void, string]>([
  ["is garbage", () => writeFileSync(at("other/holdfast.json"), "garbage"), "VaultInvalid"],
  ["is a named pipe", async () => void (await run("mkfifo", [at("other/holdfast.json")])), "VaultInvalid"],
  ["is a directory", () => void mkdirSync(at("other/holdfast.json")), "VaultInvalid"],
  ["is of a newer format", () => writeFileSync(at("other/holdfast.json"), '{"formatVersion":99,"sealingSuite":"x"}'), ""],
])("the other vault's document %s", (_, spoil, name) => {
  beforeEach(() => spoil());

  it("is told by status, beside what the rest is like", async () => {
    const { document, lines, exitCode, problems } = await status(await openSession(), undefined);
    expect(exitCode).toBe(1);
    expect(document).toMatchObject({
      verdict: "breach",
      sources: [{ source: "tree", newestVerified: { state: "verified" } }],
      unmeasured: [
        { source: "lost", error: { name: expect.stringContaining(name), message: expect.stringContaining("holdfast.json") } },
      ],
    });
    const text = lines.join("\n");
    expect(text).toMatch(/^breach {3}lost\n {2}not measured {4}.*holdfast\.json/m);
    expect(lines.at(-1)).toMatch(/of 2 sources are ok.*, 1 not measured$/);
    expect(problems).toMatchObject([{ operation: "status", source: "lost" }]);
  });

  it("is told by the report and by the list of holds", async () => {
    const written = await report(await openSession(), { out: at("report.html") });
    expect(written).toMatchObject({ exitCode: 1, document: { verdict: "breach", unmeasured: [{ source: "lost" }] } });
    expect((await run("grep", ["-c", "lost is not measured", at("report.html")])).stdout.trim()).toBe("1");
    const holds = await listHolds(await openSession(), undefined);
    expect(holds.exitCode).not.toBe(0);
    expect(holds.lines.join("\n")).toMatch(/^not read .*holdfast\.json[\s\S]*no holds in the other vaults$/);
  });

  it("is the error where no other source is asked for", async () => {
    await expect(status(await openSession(), "lost")).rejects.toMatchObject({ message: expect.stringContaining("holdfast.json") });
    await expect(listHolds(await openSession(), "lost")).rejects.toMatchObject({
      message: expect.stringContaining("holdfast.json"),
    });
  });
});

it("says nothing of it where every vault can be read", async () => {
  rmSync(at("other"), { recursive: true });
  const { document, lines } = await status(await openSession(), undefined);
  expect(document).not.toHaveProperty("unmeasured");
  expect(lines.at(-1)).not.toContain("not measured");
});
