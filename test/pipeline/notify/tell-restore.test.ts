/** People hear that a restore began, how far it is, and how it ended: once each, in their order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { BadOutcome } from "../../../src/alerts/alert-for-outcome.ts";
import { tellingRestore } from "../../../src/pipeline/notify/tell-restore.ts";
import type { PipelineContext } from "../../../src/pipeline/pipeline-context.ts";
import type { RestoreResult } from "../../../src/pipeline/restore/restore-result.ts";
import { createFilesProject } from "../../support/files-project.ts";

const result = { comparison: { equal: true, differenceCount: 0 } } as unknown as RestoreResult;

interface Told {
  readonly messages: readonly BadOutcome[];
  readonly warnings: readonly string[];
}

/** What is told of a run whose load moves these numbers of bytes, of 1,000. */
async function telling(
  project: Awaited<ReturnType<typeof createFilesProject>>,
  chunks: readonly number[],
  options: { readonly send?: () => Promise<void>; readonly fails?: boolean } = {},
): Promise<Told> {
  const warnings: string[] = [];
  const context = await project.open({ warnings });
  const messages: BadOutcome[] = [];
  const work = async ({ run }: PipelineContext) => {
    run.progress.phase("verify", 1_000);
    run.progress.advance(1_000); // The reading back is no part of it.
    run.progress.phase("restore", 1_000);
    run.progress.phase("fetch", 5_000);
    for (const bytes of chunks) run.progress.advance(bytes);
    run.progress.phase("compare");
    run.progress.advance(1_000_000);
    if (options.fails === true) throw new Error("failed");
    return result;
  };
  const tell = async (outcome: BadOutcome) => {
    messages.push(outcome);
    await options.send?.();
  };
  await tellingRestore(context, await project.find("tree@latest"), "shop", tell, work).catch(() => undefined);
  return { messages, warnings };
}

const words = ({ messages }: Told) => messages.map(({ name, findings }) => /(\d+) %/.exec(findings[0] ?? "")?.[1] ?? name);

test("at a quarter, a half and three quarters, whatever the chunks, and never twice", async () => {
  await using project = await createFilesProject();
  await project.back();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 30 }), async (chunks) => {
      const told = words(await telling(project, chunks));
      const total = chunks.reduce((sum, bytes) => sum + bytes, 0);
      const between = told.slice(1, -1).map(Number);
      expect([told[0], told.at(-1)]).toEqual(["restore started", "restore done"]);
      expect(between).toEqual([...new Set(between)].sort((a, b) => a - b));
      expect(between.every((share) => [25, 50, 75].includes(share) && total >= share * 10)).toBe(true);
      if (chunks.every((bytes) => bytes <= 250))
        expect(between).toHaveLength([250, 500, 750].filter((mark) => total >= mark).length);
    }),
    { numRuns: 30 },
  );
});

test("messages name the backup, the target and who asked; a channel that fails does not stop the restore", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  const told = await telling(project, [], { send: () => Promise.reject(new Error("nobody there")) });
  expect(told.messages[0]).toMatchObject({
    backupIds: [id],
    findings: [expect.stringMatching(/ of tree to shop, asked for by test:/)],
  });
  expect(told.messages.at(-1)?.findings[0]).toContain("equal to the backup");
  expect(told.warnings).toHaveLength(2);
});

test("a restore that fails is never told as done", async () => {
  await using project = await createFilesProject();
  await project.back();
  expect(words(await telling(project, [600], { fails: true }))).toEqual(["restore started", "50"]);
});
