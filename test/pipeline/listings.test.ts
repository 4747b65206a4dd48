/** How often each command lists a source's history: ADR 0033. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { backup } from "../../src/cli/commands/backup.ts";
import { check } from "../../src/cli/commands/check.ts";
import { list } from "../../src/cli/commands/list.ts";
import { prune } from "../../src/cli/commands/prune.ts";
import { restoreTest } from "../../src/cli/commands/restore-test.ts";
import { show } from "../../src/cli/commands/show.ts";
import { status } from "../../src/cli/commands/status.ts";
import { verify } from "../../src/cli/commands/verify.ts";
import type { Session } from "../../src/cli/session.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { gatherReport } from "../../src/pipeline/report.ts";
import { watchSources } from "../../src/pipeline/watch.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { makeMemoryStore } from "../support/memory-store.ts";

let project: FilesProject;

beforeAll(async () => {
  project = await createFilesProject();
  await project.writePolicy(`${treePolicy.replace("tree, retention", "tree, objectives: { rpo: 1h }, retention")}`);
  for (let minutesAgo = 160; minutesAgo > 100; minutesAgo -= 10) await project.back({ minutesAgo });
});
afterAll(async () => project[Symbol.asyncDispose]());

/** Listings of a whole folder of the vault, or of all that a source has in it. */
type Counted = Record<string, number>;

function countListings(store: ObjectStore, counted: Counted): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== "list") return value;
      const list: ObjectStore["list"] = (prefix, options) => {
        const [folder = "", source, id] = prefix.split("/");
        if ((source === "" || id === "") && options?.startAfter === undefined) counted[folder] = (counted[folder] ?? 0) + 1;
        return target.list(prefix, options);
      };
      return list;
    },
  });
}

async function countOf(work: (session: Session) => Promise<unknown>): Promise<Counted> {
  const counted: Counted = {};
  const context = await project.open({ wrapStore: (store) => countListings(store, counted) });
  const terminal = { style: (_name: string, text: string) => text, columns: 80, note: () => undefined } as unknown as Terminal;
  await work({ context, terminal });
  return counted;
}

const watch = async ({ context }: Session) => {
  const { told } = await watchSources(context, { memory: makeMemoryStore(), tell: async () => undefined });
  expect(told).toBeGreaterThan(0);
};

/** So often the manifests and the evidence of the source are listed as a whole. */
test.each<[string, (session: Session) => Promise<unknown>, number, number]>([
  ["list", (session) => list(session, "tree", {}), 1, 1],
  ["list of all sources", (session) => list(session, undefined, {}), 1, 1],
  ["status", (session) => status(session, "tree"), 1, 1],
  ["watch, with an alert that names the newest good backup", watch, 1, 1],
  ["report", ({ context }) => gatherReport(context), 1, 1],
  ["check", (session) => check(session, "tree", {}), 1, 1],
  ["verify of all, which were verified before", (session) => verify(session, undefined, { all: true }), 1, 1],
  ["prune --dry-run", (session) => prune(session, "tree", { dryRun: true }), 1, 1],
  // Found by a listing of few keys.
  ["show", (session) => show(session, "tree@latest"), 0, 0],
  ["verify of one that was verified before", (session) => verify(session, "tree@latest", {}), 0, 0],
  ["restore-test", (session) => restoreTest(session, "tree"), 0, 0],
  // Once to compare with, and once under the lease: by that, and by the sweep, is deleted.
  ["backup", (session) => backup(session, "tree", { kind: "full", verify: true, prune: true }), 2, 3],
  ["backup that is not verified", (session) => backup(session, "tree", { kind: "full", verify: false, prune: false }), 1, 1],
  ["verify of a new one", (session) => verify(session, "tree@latest", {}), 1, 1],
  ["prune", (session) => prune(session, "tree", {}), 1, 2],
])("%s", async (_name, work, manifests, evidence) => {
  const counted = await countOf(work);
  expect({ manifests: counted["manifests"] ?? 0, evidence: counted["evidence"] ?? 0 }).toEqual({ manifests, evidence });
});
