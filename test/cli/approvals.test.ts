/** What a person sees and types where the policy wants a second one. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { obtainApproval } from "../../src/cli/approving.ts";
import { approve, deny, signAnswer, takeSentAnswer } from "../../src/cli/commands/approve.ts";
import { makeApproverKey } from "../../src/cli/commands/approver-key.ts";
import { audit } from "../../src/cli/commands/audit.ts";
import { removeHold } from "../../src/cli/commands/hold.ts";
import { requests } from "../../src/cli/commands/requests.ts";
import { restore } from "../../src/cli/commands/restore.ts";
import { verify } from "../../src/cli/commands/verify.ts";
import { type Outcome, runSession, type Session } from "../../src/cli/session.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { acceptBackup } from "../../src/pipeline/accept.ts";
import { holdBackup, listHeld, releaseHold, seekRelease } from "../../src/pipeline/hold.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { fakeStream } from "./fake-stream.ts";

// Each test is several commands.
vi.setConfig({ testTimeout: 180_000 });

let project: FilesProject;
let id: string;
let key: string;
let to: string;

beforeAll(async () => {
  project = await createFilesProject();
  id = await project.back();
  key = join(project.directory, "ben.key");
  to = join(project.directory, "target");
  await mkdir(to);
  await writeFile(join(to, "file"), "what was there");
  const made = (await makeApproverKey(key)).document as { publicKey: string };
  await project.writePolicy(`${treePolicy}approvals: { approvers: { ben: ${made.publicKey} } }\n`);
});
afterAll(() => project[Symbol.asyncDispose]());

/** What these commands print with --json, as far as it is looked at here. */
interface Document {
  readonly request: { readonly id: string; readonly loses: readonly string[] };
  readonly vaults: readonly [{ readonly requests: readonly unknown[] }];
}

/** A command as `actor` of this machine has it. */
async function run(actor: string, work: (session: Session) => Promise<Outcome>) {
  const [stdout, stderr] = [fakeStream({ isTTY: false }), fakeStream({ isTTY: false })];
  const terminal = createTerminal({ json: false, stdout: stdout.stream, stderr: stderr.stream });
  let outcome: Outcome | undefined;
  const exitCode = await runSession(terminal, { file: project.policyFile }, async (session) => {
    const { context } = session;
    outcome = await work({ ...session, context: { ...context, run: { ...context.run, actor } } });
    return outcome;
  });
  // A command that ends with an error has none.
  return { exitCode, document: (outcome?.document ?? {}) as Document, outcome, text: stdout.text() + stderr.text() };
}

test("an approver's key is theirs alone, says what it is for, and is never overwritten", async () => {
  expect(await readFile(key, "utf8")).toMatch(/^# The key of an approver of Holdfast/);
  await expect(makeApproverKey(key)).rejects.toMatchObject({ name: "ObjectExists" });
});

test("a restore that has to be approved says how, and ends with 5; the request has all that an approver needs", async () => {
  const given = { to, overwrite: true, reason: "bad migration" };
  const asked = await run("ada", (session) => restore(session, id, given));
  const { request } = asked.document;
  expect(asked.exitCode).toBe(5);
  expect(asked.text).toContain(`this needs the approval of a second person: request ${request.id} waits until`);
  expect(asked.text).toContain(`approve ${request.id} --reason`);
  expect(await readFile(join(to, "file"), "utf8")).toBe("what was there");
  expect((await run("ben", (session) => requests(session, undefined, {}))).text).toMatch(
    new RegExp(`${request.id} +waiting +ada@`),
  );
  const shown = await run("ben", (session) => requests(session, request.id.slice(0, 6), {}));
  for (const said of ["bad migration", `overwrite of tree/${id} to ${to}`, "what stands at", "it has 1 file of 1 MB"])
    expect(shown.text).toContain(said);

  await expect(run("ada", (session) => approve(session, request.id, { reason: "mine", key }))).rejects.toMatchObject({
    name: "ApprovalRefused",
  });
  const approved = await run("ben", (session) => approve(session, request.id, { reason: "seen", key }));
  expect(approved.text).toMatch(/was approved by ben at .*: seen/);
  await expect(run("ben", (session) => deny(session, request.id, { reason: "no, after all", key }))).rejects.toMatchObject({
    name: "ApprovalRefused",
    message: expect.stringContaining("was approved by ben"),
  });
  const done = await run("ada", (session) => restore(session, id, { to, overwrite: true }));
  expect(done.exitCode).toBe(0);
  expect(await readFile(join(to, "file"), "utf8")).toBe("content");
  const all = await run("ben", (session) => requests(session, undefined, { all: true }));
  expect(all.document.vaults[0].requests).toMatchObject([
    { id: request.id, state: "used", answer: { approver: "ben", reason: "seen" } },
  ]);
  expect((await run("ben", (session) => requests(session, undefined, {}))).text).toContain("no request is open");
  const trail = (await run("ben", (session) => audit(session, undefined, { action: "approval" }))).text;
  for (const said of [`bad migration; request: ${request.id}`, `seen; request: ${request.id}; approver: ben`, "each is signed"]) {
    expect(trail).toContain(said);
  }

  // To take it back is another action.
  const back = { to, swapBack: true, reason: "wrong backup" };
  const again = await run("ada", (session) => restore(session, "tree", back));
  expect(again.document.request).toMatchObject({
    action: "swap-back",
    state: "waiting",
    standing: expect.stringContaining("kept as "),
  });
  await run("ben", (session) => approve(session, again.document.request.id, { reason: "yes", key }));
  expect((await run("ada", (session) => restore(session, "tree", back))).exitCode).toBe(0);
  expect(await readFile(join(to, "file"), "utf8")).toBe("what was there");
});

test("a hold is released by two people, and --wait goes on as soon as it may", async () => {
  await run("ada", async ({ context }) => {
    await holdBackup(context, id, "case 7");
    return { document: {}, lines: [] };
  });
  await expect(releaseHold(await project.open(), id)).rejects.toMatchObject({ name: "ApprovalNeeded" });
  const asked = await run("ada", (session) => removeHold(session, id, { reason: "closed" }));
  expect(asked.document.request.loses).toEqual([
    expect.stringMatching(/^the hold of ada@.*: case 7$/),
    "then retention decides about the backup",
  ]);
  let looks = 0;
  const waited = run("ada", async (session) => {
    const { approval } = await obtainApproval(
      session,
      { wait: true },
      (asking) => {
        looks += 1;
        return seekRelease(session.context, id, asking);
      },
      10,
    );
    await releaseHold(session.context, id, approval);
    return { document: {}, lines: [] };
  });
  await vi.waitFor(() => expect(looks).toBeGreaterThan(1), { timeout: 60_000 });
  await run("ben", (session) => approve(session, asked.document.request.id, { reason: "yes", key }));
  expect((await waited).text).toContain("waits for the approval of a second person");
  expect((await listHeld(await project.open(), "tree")).holds).toEqual([]);
});

test("a suspicious backup is accepted by two people; a verification asks nobody", async () => {
  const { entry, ...found } = await project.find(id);
  const suspicious = { ...found, entry: { ...entry, suspicious: true } };
  await expect(acceptBackup(await project.open(), suspicious, "on purpose")).rejects.toMatchObject({ name: "ApprovalNeeded" });
  await expect(run("ada", (session) => verify(session, id, { wait: true }))).rejects.toMatchObject({ name: "UsageInvalid" });
});

test("a request and its answer travel as files, to a machine without policy and vault, and count only for each other", async () => {
  const [request, answer] = [join(project.directory, "request.json"), join(project.directory, "answer.json")];
  const asked = await run("ada", (session) => restore(session, id, { to, swap: true, reason: "again" }));
  const name: string = asked.document.request.id;
  await run("ada", (session) => requests(session, name, { out: request }));
  const terminal = createTerminal({
    json: false,
    stdout: fakeStream({ isTTY: false }).stream,
    stderr: fakeStream({ isTTY: false }).stream,
  });
  const options = { reason: "seen", key, approver: "ben", out: answer };
  const { approver: _none, ...nameless } = options;
  await expect(signAnswer(terminal, "approved", request, nameless)).rejects.toMatchObject({ name: "UsageInvalid" });
  const signed = await signAnswer(terminal, "approved", request, options);
  expect(signed.lines.join("\n")).toContain(`overwrite of tree/${id} to ${to}`);
  await expect(signAnswer(terminal, "denied", request, options)).rejects.toMatchObject({ name: "UsageInvalid" });
  await expect(signAnswer(terminal, "denied", answer, { ...options, out: `${answer}.2` })).rejects.toMatchObject({
    name: "UsageInvalid",
  });
  const changed = (await readFile(answer, "utf8")).replace('"approved"', '"denied"');
  await writeFile(`${answer}.changed`, changed);
  await expect(run("ada", (session) => takeSentAnswer(session, `${answer}.changed`, {}))).rejects.toMatchObject({
    name: "ApprovalRefused",
  });
  expect((await run("ada", (session) => takeSentAnswer(session, answer, {}))).document).toMatchObject({
    id: name,
    state: "approved",
  });
});
