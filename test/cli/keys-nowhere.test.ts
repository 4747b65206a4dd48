/**
 * The secret of the sealing key, the signing key derived from it, the digest keys and digests of
 * plain content are in no object of the vault and in nothing that a command prints.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backup } from "../../src/cli/commands/backup.ts";
import { check } from "../../src/cli/commands/check.ts";
import { addHold, listHolds } from "../../src/cli/commands/hold.ts";
import { list } from "../../src/cli/commands/list.ts";
import { prune } from "../../src/cli/commands/prune.ts";
import { restoreTest } from "../../src/cli/commands/restore-test.ts";
import { show } from "../../src/cli/commands/show.ts";
import { status } from "../../src/cli/commands/status.ts";
import { verify } from "../../src/cli/commands/verify.ts";
import { type Outcome, runSession, type Session } from "../../src/cli/session.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { toHoldfastError } from "../../src/errors/holdfast-error.ts";
import { deriveSigningKey } from "../../src/sealing/file-signer.ts";
import { readKeyFile } from "../../src/sealing/key-file.ts";
import { openSmallMessage } from "../../src/sealing/small-message.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { searchVault } from "../support/guess-content.ts";
import { fakeStream } from "./fake-stream.ts";

let project: FilesProject;
const content = "pin 48151623\n";
beforeAll(async () => {
  project = await createFilesProject();
  await writeFile(join(project.directory, "tree", "file"), content);
});
afterAll(() => project[Symbol.asyncDispose]());

async function printed(json: boolean, work: (session: Session) => Promise<Outcome>): Promise<string> {
  const [stdout, stderr] = [fakeStream({ isTTY: false }), fakeStream({ isTTY: false })];
  const terminal = createTerminal({ json, stdout: stdout.stream, stderr: stderr.stream });
  const policy = { file: project.policyFile };
  await runSession(terminal, policy, work).catch((error) => terminal.error(toHoldfastError(error)));
  return stdout.text() + stderr.text();
}

test("no secret and no digest of content is in an object, in a result or in a message, good or bad", async () => {
  const texts: string[] = [];
  const run = async (work: (session: Session) => Promise<Outcome>): Promise<void> => {
    for (const json of [false, true]) texts.push(await printed(json, work));
  };
  const id = await project.back({ minutesAgo: 60 });
  await run((session) => backup(session, "tree", { kind: "full", verify: true, prune: false }));
  await run((session) => addHold(session, id, { reason: "case 1" }));
  await run((session) => restoreTest(session, "tree"));
  await run((session) => verify(session, undefined, { all: true }));
  const { key } = await readKeyFile(join(project.directory, "main.key"));
  const context = await project.open();
  const digestKeys: Uint8Array[] = [];
  for (const name of (await project.filesOf("artifacts")).filter((each) => each.endsWith("/digest-key"))) {
    const opened = await openSmallMessage(await readFile(join(project.vault, name)), await context.keysOf("main"));
    digestKeys.push(opened.plaintext);
  }
  // Then what others do: their documents are described in many words.
  const forged = join(project.vault, `evidence/tree/${id}/20260101T000000000Z-proven.json`);
  await mkdir(dirname(forged), { recursive: true });
  await writeFile(forged, "{}");
  const [digestKey = ""] = await project.filesOf(`artifacts/tree/${id}`);
  const kept = await readFile(join(project.vault, digestKey));
  await writeFile(join(project.vault, digestKey), "x");
  for (const work of [
    (session: Session) => check(session, undefined),
    (session: Session) => list(session, undefined, {}),
    (session: Session) => show(session, id),
    (session: Session) => status(session, "tree"),
    (session: Session) => listHolds(session, undefined),
    (session: Session) => verify(session, undefined, { all: true }),
    (session: Session) => prune(session, "tree", { dryRun: true }),
  ]) {
    await run(work);
  }
  await writeFile(join(project.vault, digestKey), kept);

  const objects = await Promise.all((await project.filesOf("")).map((name) => readFile(join(project.vault, name))));
  const everything = searchVault(
    [...objects, ...texts.map((text) => Buffer.from(text)), Buffer.from((await project.filesOf("")).join("\n"))],
    [],
  );
  const signing = deriveSigningKey(key);
  const seed = Buffer.from(signing.export({ format: "jwk" }).d ?? "", "base64url");
  expect([key.length, seed.length, digestKeys.map(({ length }) => length)]).toEqual([32, 32, digestKeys.map(() => 32)]);
  expect(digestKeys.length).toBeGreaterThan(2);
  for (const secret of [key, seed, ...digestKeys]) expect(everything.has(secret)).toBe(false);
  expect(everything.find(Buffer.from(content))).toEqual([]);
  expect(everything.has(createHash("sha256").update(key).digest())).toBe(false);
  // The search finds what is there: the public key, which `check` prints, and its signatures.
  const publicKey = Buffer.from(signing.export({ format: "jwk" }).x ?? "", "base64url");
  expect(everything.has(publicKey)).toBe(true);
});
