/**
 * How many requests a run makes of a source with many logs: bounded, or listings alone, a thousand
 * keys each. The manifests of the logs here cannot be read: no run may look at one.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { list } from "../../src/cli/commands/list.ts";
import type { Session } from "../../src/cli/session.ts";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { listDueBackups } from "../../src/pipeline/list-due.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planBackup, planReading } from "../../src/pipeline/plan-run.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { makeCountingStore } from "../support/counting-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { makeTreeVault, putVerified, treeNames } from "../support/tree-vault.ts";

const [minuteMs, dayMs] = [60_000, 86_400_000];
const fullCount = 700;
/**
 * With 10,000 the same bounds hold, and the signatures of their evidence take a minute to check.
 */
const manyLogs = 3000;
const startMs = Math.floor(Date.now() / 1000) * 1000;

let project: FilesProject;
let fulls: MemoryStore;

beforeAll(async () => {
  project = await createFilesProject();
  fulls = await makeTreeVault();
  for (let day = fullCount; day > 0; day -= 1) {
    const at = new Date(startMs - day * dayMs);
    const id = idAt(at.getTime(), "full");
    await putVerified(fulls, id, { verifiedAt: new Date(at.getTime() + minuteMs).toISOString() });
  }
  for (const [key, object] of fulls.objects) if (key.includes("/tree/")) object.modifiedAt = new Date(startMs - 30 * dayMs);
});
afterAll(() => project[Symbol.asyncDispose]());

function idAt(epochMs: number, kind: string): string {
  return `${new Date(epochMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z-${kind}-aaaaaa`;
}

function put(store: MemoryStore, key: string, modifiedAt: Date, bytes = Buffer.from("{}")): void {
  store.objects.set(key, { bytes, modifiedAt });
}

/** The fulls, and so many logs, one a minute, the last a minute ago; each was read back once. */
function withLogs(count: number): MemoryStore {
  const store = makeMemoryStore();
  for (const [key, object] of fulls.objects) store.objects.set(key, object);
  for (let minute = count; minute > 0; minute -= 1) {
    const at = new Date(startMs - minute * minuteMs);
    const id = idAt(at.getTime(), "log");
    for (const key of [keyOf.manifest("tree", id), keyOf.manifestSeal("tree", id), keyOf.artifact("tree", id, "log")])
      put(store, key, at);
    put(store, treeNames.evidence("tree", id, new Date(at.getTime() + 1000), "verified"), at);
  }
  return store;
}

interface Counted {
  readonly list: number;
  readonly other: number;
}

const keepAll = "{ daily: 1000, recoveryWindow: 30d, maxRemoval: 100%, minAge: none }";

/** Requests of each command, in a run of its own, one after the other on the same vault. */
async function countAll(logs: number): Promise<Record<string, Counted>> {
  const memory = withLogs(logs);
  const counts: Record<string, Counted> = {};
  const count = async (name: string, work: (context: PipelineContext) => Promise<unknown>, retention = keepAll): Promise<void> => {
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
        `  tree: { engine: files, path: tree, retention: ${retention} }\n`,
    );
    const store = makeCountingStore(memory);
    await work(await project.open({ wrapStore: () => store }));
    counts[name] = { ...store.requests };
    const unwanted = store.reads.filter((key) => key.startsWith("manifests/") && key.includes("-log-"));
    // What is printed is read.
    expect(unwanted.length, name).toBeLessThanOrEqual(name === "list --last 10" ? 10 : 0);
  };
  let newest = "";
  await count("plan of a backup", (context) => planBackup(context, { source: "tree", kind: "full" }));
  await count("backup", async (context) => {
    newest = (await dumpSource(context, { source: "tree", kind: "full" })).backupId;
  });
  await count("verify of the newest", async (context) => verifyBackup(context, await findInVaults(context, newest)));
  await count("plan of a restore test", (context) => planReading(context, { source: "tree", backup: newest }));
  await count("list of what is due", (context) => listDueBackups(context, [], 30 * 86_400));
  await count("status, watch", (context) => measureSources(context, Object.values(context.policy.sources)));
  await count("list --last 10", (context) =>
    list({ context, terminal: {} } as unknown as Session, "tree", { last: "10" } as never).catch(ignoreTerminal),
  );
  await count("prune --dry-run", (context) => planPrune(context, "tree"));
  await count("prune", (context) => pruneSource(context, "tree"));
  return counts;
}

/** The lines of a list need a terminal, which comes after all requests. */
function ignoreTerminal(error: unknown): void {
  if (!(error instanceof TypeError)) throw error;
}

describe("requests of a run", () => {
  it("do not grow with the logs, but for listings of a thousand keys each", async () => {
    const table: Record<number, Record<string, Counted>> = {};
    for (const logs of [0, 1000, manyLogs]) table[logs] = await countAll(logs);
    const [none = {}, thousand = {}, many = {}] = [table[0], table[1000], table[manyLogs]];
    const lines = Object.keys(none).map((name) => {
      const cell = (of: Record<string, Counted>) => `${of[name]?.list}+${of[name]?.other}`.padStart(9);
      return `${name.padEnd(26)}${cell(none)}${cell(thousand)}${cell(many)}`;
    });
    console.log([`listings + other requests, at 0, 1,000 and ${manyLogs} logs`, ...lines].join("\n"));
    for (const [name, { list: listings, other }] of Object.entries(many)) {
      // Whatever is not a listing is the same as without a log.
      expect(other, name).toBeLessThanOrEqual((none[name]?.other ?? 0) + 5);
      // Manifests, evidence, and two artifacts a log: once each, and once more beside.
      const pages = name === "prune" ? 8 : 3;
      expect(listings, name).toBeLessThanOrEqual((none[name]?.list ?? 0) + (pages * manyLogs) / 1000 + 2);
    }
    for (const name of ["plan of a backup", "backup", "plan of a restore test"]) {
      const { list: listings = 0, other = 0 } = many[name] ?? {};
      expect(listings, name).toBeLessThanOrEqual(12);
      expect(other, name).toBeLessThanOrEqual(40);
    }
  }, 240_000);
});
