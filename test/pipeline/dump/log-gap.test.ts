/**
 * A log that does not go on where the newest one ends: it begins anew on another kind, and says
 * what is missing.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DumpSession } from "../../../src/engines/dump-session.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import { dumpSource } from "../../../src/pipeline/dump.ts";
import type { PipelineContext } from "../../../src/pipeline/pipeline-context.ts";
import { readManifest } from "../../../src/vault/documents/manifest.ts";
import { makeDumpVault, now, openForDump } from "../../support/dump-in-memory.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";
import type { MemoryStore } from "../../support/memory-store.ts";

let project: FilesProject;
let memory: MemoryStore;
beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(async () => {
  memory = await makeDumpVault();
});

const at = (minute: number): Date => new Date(now.getTime() + minute * 60_000);
const keysOf = (part: string): string[] => [...memory.objects.keys()].filter((key) => key.startsWith(part));

interface LogOptions {
  readonly findGap?: Engine["findGap"] | undefined;
  readonly warnings?: string[];
}

/** A tree whose engine makes logs too, of what came since what they build on. */
async function open(minute: number, { findGap, warnings = [] }: LogOptions): Promise<PipelineContext> {
  let from: Date | undefined;
  const session = (inner: DumpSession): DumpSession => ({
    ...inner,
    async finish() {
      const coverage = { to: { at: at(minute).toISOString() } };
      return {
        ...(await inner.finish()),
        coverage: from === undefined ? coverage : { from: { at: from.toISOString() }, ...coverage },
      };
    },
  });
  const onOpen = (request: unknown): void => {
    const { base } = request as { base?: { coverage: { to: { at: string } } } };
    from = base === undefined ? undefined : new Date(base.coverage.to.at);
  };
  const context = await openForDump(project, memory, { at: at(minute), session, onOpen, warnings });
  const { tree } = context.policy.sources;
  if (tree === undefined) throw new Error("the policy has no tree");
  const traits = { ...tree.traits, kinds: ["full", "log"], reuses: {}, chains: { log: "latest" } } as const;
  return {
    ...context,
    policy: { ...context.policy, sources: { tree: { ...tree, traits } } },
    async engineOf(name) {
      const { findGap: _none, ...engine } = await context.engineOf(name);
      return findGap === undefined ? engine : { ...engine, findGap };
    },
  };
}

const dump = async (minute: number, kind: "full" | "log", options: LogOptions = {}) =>
  dumpSource(await open(minute, options), { source: "tree", kind });
const baseOf = async (id: string) => (await readManifest(memory, "tree", id)).manifest.base?.id;

describe("a log", () => {
  test("goes on from the one before it where the engine finds no gap, or looks for none", async () => {
    const full = await dump(0, "full");
    const first = await dump(1, "log", { findGap: () => undefined });
    const second = await dump(2, "log", { findGap: () => undefined });
    const third = await dump(3, "log");
    expect(await Promise.all([first, second, third].map(({ backupId }) => baseOf(backupId)))).toEqual([
      full.backupId,
      first.backupId,
      second.backupId,
    ]);
    for (const { notices } of [first, second, third]) expect(notices).toEqual([]);
  });

  test("begins anew on the newest of another kind where there is a gap, says so, and leaves nothing of what it stored before", async () => {
    const full = await dump(0, "full");
    const first = await dump(1, "log");
    const before = keysOf("artifacts/");
    const warnings: string[] = [];
    const findGap: Engine["findGap"] = ({ kind }) => (kind === "log" ? "the server was set up anew" : undefined);
    const anew = await dump(2, "log", { findGap, warnings });
    expect(anew.kind).toBe("log");
    expect(anew.backupId).toContain("-log-first-");
    expect(await baseOf(anew.backupId)).toBe(full.backupId);
    const message = expect.stringMatching(
      `the server was set up anew; this one begins anew on ${full.backupId}, and what happened between that end and ${at(0).toISOString()}`,
    );
    expect(anew.notices).toEqual([{ code: "log-gap", subject: "tree", message }]);
    expect((await readManifest(memory, "tree", anew.backupId)).manifest.notices).toEqual(anew.notices);
    expect(warnings).toEqual([message]);
    const added = keysOf("artifacts/").filter((key) => !before.includes(key));
    expect(added.length).toBeGreaterThan(0);
    for (const key of added) expect(key).toContain(anew.backupId);
    expect(keysOf("manifests/").sort()).toEqual(
      [full, first, anew].map(({ backupId }) => `manifests/tree/${backupId}.json`).sort(),
    );
  });
});
