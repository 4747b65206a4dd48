/** What a listing says of backups whose documents cannot be judged on this machine. */
import { rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { list } from "../../src/cli/commands/list.ts";
import { show } from "../../src/cli/commands/show.ts";
import type { Outcome } from "../../src/cli/session.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";

const terminal = { style: (_style: unknown, text: string) => text, columns: 100 } as unknown as Terminal;
let project: FilesProject;
let keyFile: string;

beforeEach(async () => {
  project = await createFilesProject();
  keyFile = join(project.directory, "main.key");
  await project.back();
});
afterEach(async () => project[Symbol.asyncDispose]());

async function outcomes(): Promise<readonly Outcome[]> {
  const session = { context: await project.open(), terminal };
  return [await list(session, "tree", {}), await show(session, "tree@latest")];
}

test("of a key that the policy lacks: the backup is stored, with the reason", async () => {
  await unlink(keyFile);
  await createKeyFile(keyFile, { randomBytes: (count) => Buffer.alloc(count, 8), now: new Date(0) });
  const [listed, shown] = await outcomes();
  const unread = expect.stringMatching(/^this backup is sealed with key file:[0-9a-f]{16}/);
  expect(listed?.document).toMatchObject({ backups: [{ state: "stored", unread }] });
  expect(listed?.lines.join("\n")).toMatch(/found {2}\S+: this backup is sealed with key/);
  expect(shown?.lines.join("\n")).toMatch(/not checked {2}this backup is sealed with key/);
});

test("without the key: the state is not checked, and one line says why", async () => {
  await rm(keyFile);
  const [listed, shown] = await outcomes();
  expect(listed?.document).toMatchObject({
    backups: [{ notChecked: expect.stringMatching(/^this backup is sealed with key .* no key .* is usable$/) }],
  });
  expect(listed?.lines.filter((line) => line.startsWith("not checked"))).toEqual([
    expect.stringContaining("whether these backups were made with the vault's key cannot be told here"),
  ]);
  expect(shown?.lines.join("\n")).toMatch(/not checked {2}/);
});
