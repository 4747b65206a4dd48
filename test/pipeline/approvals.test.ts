/** Two people: what one asks for, the other approves, and nothing else is done by it. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { type ApproverKey, answerRequest, takeAnswer } from "../../src/pipeline/approvals/answer-request.ts";
import { openApprovers } from "../../src/pipeline/approvals/known-approvers.ts";
import { listRequests } from "../../src/pipeline/approvals/read-requests.ts";
import type { Sought } from "../../src/pipeline/approvals/seek-approval.ts";
import { readTrails } from "../../src/pipeline/audit/read-trails.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { RestoreOptions } from "../../src/pipeline/restore/restore-options.ts";
import { seekOverwrite } from "../../src/pipeline/restore/seek-overwrite.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { fileSigner, publicKeyOf } from "../../src/sealing/file-signer.ts";
import { createFilesProject, type FilesProject, type OpenOptions, treePolicy } from "../support/files-project.ts";

// Each test restores more than once.
vi.setConfig({ testTimeout: 180_000 });

const keyOf = (byte: number): ApproverKey => {
  const key = new Uint8Array(32).fill(byte);
  return { signer: fileSigner(key), publicKey: publicKeyOf(key) };
};
const [ben, cara, eve] = [keyOf(2), keyOf(3), keyOf(9)];
/** As createFilesProject makes the policy's own. */
const own = keyOf(7);

const approving = (others = "") =>
  `${treePolicy}approvals: { approvers: { ben: { publicKey: ${ben.publicKey}, user: benjamin }, cara: ${cara.publicKey} }${others} }\n`;

async function openAs(project: FilesProject, actor: string, options: OpenOptions = {}): Promise<PipelineContext> {
  const context = await project.open(options);
  return { ...context, run: { ...context.run, actor } };
}

/**
 * A project whose policy wants a second person, a backup of it, and a target that holds something.
 */
async function occupied(others = "") {
  const project = await createFilesProject();
  const id = await project.back();
  await project.writePolicy(approving(others));
  const to = join(project.directory, "target");
  await mkdir(to);
  await writeFile(join(to, "file"), "what was there");
  const options = { to, overwrite: true, allowDamaged: false } satisfies RestoreOptions;
  const seek = async (
    reason?: string,
    given: Partial<RestoreOptions> = {},
    requestId?: string,
    open: OpenOptions = {},
  ): Promise<Sought> => {
    const context = await openAs(project, "ada", open);
    const sought = await seekOverwrite(context, await project.find(id, context), { ...options, ...given }, { reason, requestId });
    if (sought === undefined) throw new Error("nobody has to approve");
    return sought;
  };
  const requests = async () => {
    const context = await project.open();
    const [listed] = await listRequests(context, await openApprovers(context));
    return listed?.requests ?? [];
  };
  const answer = async (request: string, key = ben, decision: "approved" | "denied" = "approved", open: OpenOptions = {}) =>
    answerRequest(await openAs(project, "bob", open), request, { decision, reason: "seen", key });
  return { project, id, to, options, seek, requests, answer, content: () => readFile(join(to, "file"), "utf8") };
}

function waitingOf(sought: Sought) {
  if (!("waiting" in sought)) throw new Error("it is approved");
  return sought.waiting;
}

function approvalOf(sought: Sought) {
  if (!("approval" in sought)) throw new Error("it waits");
  return sought.approval;
}

test("an overwrite waits for a second person, is done once by their word, and the trail has all of it", async () => {
  const { project, id, to, options, seek, answer, content } = await occupied();
  await using _ = project;
  const found = await project.find(id);
  await expect(restoreBackup(await project.open(), found, options)).rejects.toMatchObject({ name: "ApprovalNeeded", exitCode: 5 });
  await expect(seek()).rejects.toMatchObject({ name: "UsageInvalid", hint: expect.stringContaining("--reason") });

  const asked = await seek("bad migration");
  expect(asked).toMatchObject({ isNew: true });
  const { request, ...status } = waitingOf(asked);
  expect(status.state).toBe("waiting");
  expect(request).toMatchObject({
    action: "overwrite",
    source: "tree",
    backupId: id,
    target: to,
    options: { overwrite: "yes" },
    by: `ada@test:${process.pid}`,
    person: "ada@test",
    reason: "bad migration",
  });
  expect(Date.parse(request.expiresAt) - Date.parse(request.at)).toBe(4 * 3_600_000);
  expect(request.loses).toEqual([
    expect.stringContaining(`what stands at ${to} is replaced by ${id} (verified)`),
    "it has 1 file of 1 MB",
    expect.stringContaining("the newest change that was found there is of 20"),
    expect.stringContaining("tree.pre-restore"),
  ]);
  // The same command again asks nobody a second time.
  expect(await seek("bad migration")).toMatchObject({ isNew: false, waiting: { id: status.id } });

  expect((await answer(status.id)).state).toBe("approved");
  const approval = approvalOf(await seek());
  expect(await content()).toBe("what was there");
  await restoreBackup(await openAs(project, "ada"), found, { ...options, approval });
  expect(await content()).toBe("content");

  // Once: what stands there now is another directory, and even the same one would be refused.
  await expect(restoreBackup(await project.open(), found, { ...options, approval })).rejects.toMatchObject({
    name: "ApprovalRefused",
  });
  expect(waitingOf(await seek("again")).id).not.toBe(status.id);
  const [trail] = await readTrails(await project.open(), { action: "approval" });
  expect(trail?.problems).toEqual([]);
  expect(trail?.entries.map(({ action, by }) => [action, by.split(":")[0]])).toEqual([
    ["approval.requested", "ada@test"],
    ["approval.given", "bob@test"],
    ["approval.used", "ada@test"],
    ["approval.requested", "ada@test"],
  ]);
});

test("a target that holds nothing needs nobody, nor does a policy that does not list it", async () => {
  const { project, id, to } = await occupied(", of: [release-hold]");
  await using _ = project;
  const context = await project.open();
  const found = await project.find(id, context);
  expect(await seekOverwrite(context, found, { to, overwrite: true, allowDamaged: false }, {})).toBeUndefined();
  await project.writePolicy(approving());
  const guarded = await project.open();
  const fresh = { to: join(project.directory, "fresh"), overwrite: true, allowDamaged: false };
  expect(await seekOverwrite(guarded, found, fresh, {})).toBeUndefined();
  await restoreBackup(guarded, found, fresh);
  expect(await readFile(join(fresh.to, "file"), "utf8")).toBe("content");
});

test("nobody approves what they asked for, nor with a key that is not an approver's", async () => {
  const { project, seek, answer, requests } = await occupied();
  await using _ = project;
  const { id } = waitingOf(await seek("bad migration"));
  const asAda = await openAs(project, "ada");
  await expect(answerRequest(asAda, id, { decision: "approved", reason: "mine", key: ben })).rejects.toMatchObject({
    name: "ApprovalRefused",
    message: `request ${id} cannot be answered so: the answer is by the person who asked`,
  });
  await expect(answer(id, eve)).rejects.toMatchObject({ name: "ApprovalRefused", hint: expect.stringContaining(eve.publicKey) });
  await expect(answer(id, own)).rejects.toMatchObject({ name: "ApprovalRefused" });
  await expect(
    answerRequest(await openAs(project, "bob"), id, { decision: "denied", reason: " ", key: ben }),
  ).rejects.toMatchObject({
    name: "UsageInvalid",
  });
  expect(await requests()).toMatchObject([{ state: "waiting", ignored: [] }]);
  // The policy's key signs the trail, and is no approver's.
  await project.writePolicy(approving().replace(cara.publicKey, own.publicKey));
  await expect(seek("x")).rejects.toMatchObject({
    name: "PolicyInvalid",
    message: expect.stringContaining("approvals.approvers.cara"),
  });
  const retired = `approvals: { approvers: { ben: { publicKey: ${ben.publicKey}, retired: 2020-01-01 } } }`;
  await project.writePolicy(`${treePolicy}${retired}\n`);
  await expect(seek("x")).rejects.toMatchObject({ name: "ApprovalRefused", message: expect.stringContaining("names nobody") });
});

test("an approver whose user asked approves nothing, whatever machine they say they are on", async () => {
  const { project, id, options, answer } = await occupied();
  await using _ = project;
  const context = await openAs(project, "benjamin");
  const sought = await seekOverwrite(context, await project.find(id, context), options, { reason: "mine" });
  if (sought === undefined) throw new Error("nobody has to approve");
  await expect(answer(waitingOf(sought).id)).rejects.toMatchObject({
    message: expect.stringContaining("is by the person who asked"),
  });
  expect((await answer(waitingOf(sought).id, cara)).state).toBe("approved");
});

test("a denied request stays denied until its time ends, and one that is over has to be asked again", async () => {
  const { project, seek, answer } = await occupied();
  await using _ = project;
  const { id } = waitingOf(await seek("bad migration"));
  await answer(id, ben, "denied");
  await expect(seek("please")).rejects.toMatchObject({
    name: "ApprovalRefused",
    message: expect.stringMatching(new RegExp(`^request ${id} was denied by ben at .*: seen$`)),
  });
  await expect(answer(id, cara)).rejects.toMatchObject({ message: expect.stringContaining("was denied by ben") });
  const later = { shiftMs: 5 * 3_600_000 };
  const again = waitingOf(await seek("again", {}, undefined, later));
  expect(again.id).not.toBe(id);
  const muchLater = { shiftMs: 10 * 3_600_000 };
  await expect(answer(again.id, ben, "approved", muchLater)).rejects.toMatchObject({
    message: expect.stringMatching(/expired at .*, and nobody had answered it$/),
  });
  await expect(seek("again", {}, again.id, muchLater)).rejects.toMatchObject({ message: expect.stringContaining("expired at") });
});

test("an approval that is over is not used, though it was found in time", async () => {
  const { project, id, options, seek, answer, content } = await occupied();
  await using _ = project;
  await answer(waitingOf(await seek("bad migration")).id);
  const late = await openAs(project, "ada", { shiftMs: 4 * 3_600_000 + 1_000 });
  const inTime = await openAs(project, "ada");
  const found = await project.find(id, inTime);
  // The same run, whose clock goes on while it waits for something.
  const sliding = { ...inTime, run: { ...inTime.run, clock: { ...inTime.run.clock } } };
  const sought = await seekOverwrite(sliding, found, options, {});
  if (sought === undefined) throw new Error("nobody has to approve");
  Object.assign(sliding.run.clock, { now: () => late.run.clock.now() });
  await expect(restoreBackup(sliding, found, { ...options, approval: approvalOf(sought) })).rejects.toMatchObject({
    name: "ApprovalRefused",
    message: expect.stringContaining("expired at"),
  });
  expect(await content()).toBe("what was there");
});

test("changed options, another backup and another thing at the target need a request of their own, and say why", async () => {
  const { project, to, seek, answer } = await occupied();
  await using _ = project;
  const { id } = waitingOf(await seek("bad migration"));
  await answer(id);
  expect("approval" in (await seek(undefined, {}, id))).toBe(true);
  await expect(seek(undefined, { safetyBackup: false })).rejects.toMatchObject({ name: "UsageInvalid" });
  await expect(seek(undefined, { safetyBackup: false }, id)).rejects.toMatchObject({
    name: "ApprovalRefused",
    details: ["option safetyBackup: not given was asked for, this is no"],
  });
  await expect(seek(undefined, { flags: new Set(["no-owner"]) }, id)).rejects.toMatchObject({
    details: ['option flags: not given was asked for, this is ["no-owner"]'],
  });
  // What changes in a directory does not make it another one.
  await writeFile(join(to, "more"), "more");
  expect("approval" in (await seek())).toBe(true);
  await rename(to, `${to}-away`);
  await mkdir(to);
  await writeFile(join(to, "file"), "somebody else's");
  await expect(seek(undefined, {}, id)).rejects.toMatchObject({
    details: [expect.stringMatching(/^something else stands at the target now: directory .*, where it was directory /)],
  });
  await expect(seek(undefined, {}, "ffffffff")).rejects.toMatchObject({ name: "RequestNotFound" });
});

test("what is put at the target while the copy is loaded is not replaced", async () => {
  const { project, id, to, options, seek, answer, content } = await occupied();
  await using _ = project;
  await answer(waitingOf(await seek("bad migration")).id);
  const approval = approvalOf(await seek());
  const context = await openAs(project, "ada");
  const found = await project.find(id, context);
  const meddled: PipelineContext = {
    ...context,
    engineOf: async (name) => {
      const engine = await context.engineOf(name);
      return {
        ...engine,
        openTarget: async (...args) => {
          const place = await engine.openTarget(...args);
          await rm(to, { recursive: true });
          await mkdir(to);
          await writeFile(join(to, "file"), "somebody else's");
          return place;
        },
      };
    },
  };
  await expect(restoreBackup(meddled, found, { ...options, approval })).rejects.toMatchObject({
    name: "RestoreRefused",
    message: expect.stringContaining("something else stands at"),
  });
  expect(await content()).toBe("somebody else's");
});

test("of two who answer at once one counts, and the other is told; the same of two who use it", async () => {
  const { project, seek, answer, requests } = await occupied();
  await using _ = project;
  const { id, request } = waitingOf(await seek("bad migration"));
  const answers = await Promise.allSettled([answer(id, ben, "approved"), answer(id, cara, "denied"), answer(id, ben, "approved")]);
  expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const each of answers) {
    if (each.status === "rejected") expect(each.reason).toMatchObject({ name: "ApprovalRefused" });
  }
  const [first] = await requests();
  if (first?.state === "denied") return;
  const [one, other] = [approvalOf(await seek()), approvalOf(await seek())];
  const uses = await Promise.allSettled([one.use(request), other.use(request)]);
  expect(uses.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(uses.find((each) => each.status === "rejected")).toMatchObject({
    reason: { name: "ApprovalRefused", message: expect.stringContaining("was used by") },
  });
});

test("an answer that was signed elsewhere is recorded when it counts, and only then", async () => {
  const { project, seek, requests } = await occupied();
  await using _ = project;
  const { signDecision } = await import("../../src/vault/documents/approval.ts");
  const { sha256, request } = waitingOf(await seek("bad migration"));
  const vault = await (await project.open()).vaultOf("main");
  const decision = {
    vaultId: vault.id,
    requestSha256: sha256,
    decision: "approved" as const,
    approver: "ben",
    by: "ben@laptop:1",
    person: "ben@laptop",
    reason: "seen",
    at: request.at,
  };
  const signed = await signDecision(decision, ben.signer);
  const context = await openAs(project, "ada");
  await expect(takeAnswer(context, { ...signed, decision: { ...decision, decision: "denied" } })).rejects.toMatchObject({
    message: expect.stringContaining("is not signed with their key"),
  });
  await expect(takeAnswer(context, { ...signed, decision: { ...decision, requestSha256: "0".repeat(64) } })).rejects.toMatchObject({
    name: "RequestNotFound",
  });
  expect((await takeAnswer(context, signed)).state).toBe("approved");
  expect(await requests()).toMatchObject([{ state: "approved", decision: { by: "ben@laptop:1" }, ignored: [] }]);
});
