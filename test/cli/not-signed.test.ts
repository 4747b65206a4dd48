/**
 * Documents that no key of the policy signed: every command that looks names them, says that they
 * count for nothing, and how to be rid of them; none of them changes what it says otherwise.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/cli/commands/check.ts";
import { listHolds } from "../../src/cli/commands/hold.ts";
import { list } from "../../src/cli/commands/list.ts";
import { prune } from "../../src/cli/commands/prune.ts";
import { report } from "../../src/cli/commands/report.ts";
import { restoreTest } from "../../src/cli/commands/restore-test.ts";
import { show } from "../../src/cli/commands/show.ts";
import { status } from "../../src/cli/commands/status.ts";
import { verify } from "../../src/cli/commands/verify.ts";
import { type Outcome, runSession, type Session } from "../../src/cli/session.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { signedNames } from "../support/signed-vault.ts";
import { fakeStream } from "./fake-stream.ts";

let project: FilesProject;
let id: string;
/** Of the backup: without a signature, and with one by another's key. */
let planted: readonly string[];
let tombstone: string;
/** Of a backup that never was. */
const orphan = "evidence/tree/20260101T000000Z-full-000000/20260101T000100000Z-proven.json";

beforeAll(async () => {
  project = await createFilesProject();
  id = await project.back();
  const thief = signedNames("0123456789abcdefghjkmnpqrs", 99);
  const at = new Date(Date.now() - 1000);
  planted = [thief.evidence("tree", id, at, "proven"), thief.evidence("tree", id, at, "damaged"), thief.hold("tree", id)];
  tombstone = thief.tombstone("tree", id);
  for (const key of [...planted, orphan, tombstone]) {
    await mkdir(dirname(join(project.vault, key)), { recursive: true });
    await writeFile(join(project.vault, key), "{}");
  }
});
afterAll(() => project[Symbol.asyncDispose]());

async function run(work: (session: Session) => Promise<Outcome>) {
  const [stdout, stderr] = [fakeStream({ isTTY: false }), fakeStream({ isTTY: false })];
  const terminal = createTerminal({ json: false, stdout: stdout.stream, stderr: stderr.stream });
  let document: unknown;
  const exitCode = await runSession(terminal, { file: project.policyFile }, async (session) => {
    const outcome = await work(session);
    document = outcome.document;
    return outcome;
  });
  return { exitCode, document: document as never, text: stdout.text() + stderr.text() };
}

const ofBackup = () => planted.toSorted();
const html = () => join(project.directory, "report.html");

describe("documents that are not signed", () => {
  test("list names them once, and the backup's state is what it was", async () => {
    const { text, document } = await run((session) => list(session, undefined, {}));
    const { backups } = document as { backups: { id: string; state: string; held: boolean; forged: string[] }[] };
    expect(backups).toMatchObject([{ id, state: "verified", held: false }]);
    expect(backups[0]?.forged.toSorted()).toEqual(ofBackup());
    expect(
      text.match(/not signed {2}3 documents in .* are not signed with a key of the policy, and count for nothing/g),
    ).toHaveLength(1);
    expect(text).toContain("run `holdfast check --json`");
  });

  test("show names each of them, and quotes none", async () => {
    const { text, document } = await run((session) => show(session, id));
    expect((document as { forged: string[] }).forged.toSorted()).toEqual(ofBackup());
    for (const key of planted) expect(text).toContain(`${key} is not signed with a key of the policy, and does not count`);
    expect(document).toMatchObject({ state: "verified", held: false, evidence: [{ check: "verified" }] });
  });

  test("status is in breach for them, and the report says the same", async () => {
    const { text, exitCode } = await run((session) => status(session, "tree"));
    expect(exitCode).toBe(1);
    expect(text.replaceAll(/\s+/g, " ")).toMatch(
      /breach 3 documents, such as \S+, are not signed with a key of the policy: they do not count/,
    );
    await run((session) => report(session, { out: html() }));
    const page = await readFile(html(), "utf8");
    expect(page).toMatch(/3 documents, such as \S+, are not signed with a key of the policy: they do not count/);
    expect(page).toContain("No backup is held.");
    expect(page).toContain("No backup of this source has been restored in a test yet.");
  });

  test("prune and verify warn of them, and go on", async () => {
    const dry = await run((session) => prune(session, "tree", { dryRun: true }));
    expect([dry.exitCode, dry.text]).toEqual([0, expect.stringContaining("3 documents in ")]);
    const verified = await run((session) => verify(session, undefined, { all: true }));
    expect([verified.exitCode, verified.text]).toEqual([0, expect.stringContaining("are not signed with a key of the policy")]);
    const tested = await run((session) => restoreTest(session, "tree"));
    expect(tested.exitCode).toBe(0);
    expect((await run((session) => listHolds(session, undefined))).document).toMatchObject({ holds: [] });
  });

  test("check lists all of them, those of no backup too, and what it lists is what has to go", async () => {
    const { text, document, exitCode } = await run((session) => check(session, "tree"));
    expect(exitCode).toBe(1);
    const isAboutThem = ({ subject }: { subject: string }) => subject === "signatures";
    const found = (document as { findings: { subject: string; details: string[] }[] }).findings.find(isAboutThem);
    expect(found?.details.toSorted()).toEqual([...planted, orphan, tombstone].sort());
    expect(text).toMatch(/error {4}signatures: 5 documents in /);
    for (const key of found?.details ?? []) await rm(join(project.vault, key));
    const after = await run((session) => check(session, "tree"));
    expect((after.document as { findings: { subject: string }[] }).findings.filter(isAboutThem)).toEqual([]);
    expect((await run((session) => list(session, undefined, {}))).text).not.toContain("not signed");
  });
});
