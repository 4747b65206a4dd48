/**
 * Logs beside fulls that take many times as long: they begin anew on each full, no instant is left
 * out between them, and what only older logs needed goes.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Alert } from "../../src/alerts/alert.ts";
import type { DumpSession } from "../../src/engines/dump-session.ts";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { listBackups } from "../../src/pipeline/list-backups.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { watchSources } from "../../src/pipeline/watch.ts";
import { type Manifest, readManifest } from "../../src/vault/documents/manifest.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { createToyProject, type ToyProject } from "./toy-project.ts";

let project: ToyProject;
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 10) + minute * 60_000).toISOString();
const linesUntil = (minute: number): string[] => Array.from({ length: minute + 1 }, (_, index) => `${at(index)} line ${index}`);

beforeAll(async () => {
  project = await createToyProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(() => project.useVault());

const manifestOf = async (id: string): Promise<Manifest> => (await readManifest(project.vault, "bear", id)).manifest;

/** The ids down to what stands alone. */
async function chainOf(id: string): Promise<string[]> {
  const { base } = await manifestOf(id);
  return [id, ...(base === null ? [] : await chainOf(base.id))];
}

async function log(minute: number): Promise<string> {
  await project.write(linesUntil(minute));
  return project.dump(minute, "log");
}

/** A full, during which `meanwhile` happens; it is of its end or of its beginning. */
async function slowFull(minute: number, ofEnd: boolean, meanwhile: () => Promise<number>): Promise<string> {
  await project.write(linesUntil(minute));
  const context = await project.open(minute);
  const engine = await context.engineOf("toy");
  let end = minute;
  const slow = {
    ...context,
    engineOf: async () => ({
      ...engine,
      async openDump(...given: Parameters<typeof engine.openDump>): Promise<DumpSession> {
        if (ofEnd) end = await meanwhile();
        const session = await engine.openDump(...given);
        const finish = async () => {
          if (!ofEnd) end = await meanwhile();
          return session.finish();
        };
        return { ...session, finish };
      },
    }),
  };
  const { backupId } = await dumpSource(slow, { source: "bear", kind: "full" });
  const later = await project.open(end);
  await verifyBackup(later, await findInVaults(later, backupId));
  return backupId;
}

async function restored(reference: string, minute: number): Promise<readonly string[]> {
  const context = await project.open(minute);
  const to = join(project.directory, "restored");
  const found = await findInVaults(context, reference);
  const { until } = found;
  await restoreBackup(context, found, { to, overwrite: false, allowDamaged: false, ...(until === undefined ? {} : { until }) });
  return (await readFile(to, "utf8")).trimEnd().split("\n");
}

describe("logs beside a full that takes longer", () => {
  it("begin anew on it as soon as they reach what it holds, whether that is its end or its beginning", async () => {
    for (const ofEnd of [false, true]) {
      project.useVault();
      const old = await slowFull(0, false, async () => 0);
      const before = await log(2);
      const during: string[] = [];
      const full = await slowFull(3, ofEnd, async () => {
        for (const minute of [4, 6, 8]) during.push(await log(minute));
        await project.write(linesUntil(9));
        return 9;
      });
      const [after, next, last] = [await log(10), await log(12), await log(14)];
      expect(await chainOf(during.at(-1) ?? "")).toEqual([...during.toReversed(), before, old]);
      expect(await chainOf(last)).toEqual(ofEnd ? [last, next, full] : [last, next, after, full]);
      if (ofEnd) expect(await chainOf(after)).toEqual([after, ...during.toReversed(), before, old]);
      for (const minute of [0, 1, 5, 9, 11, 14]) expect(await restored(`bear@${at(minute)}`, 20)).toEqual(linesUntil(minute));
    }
  });

  it("begin anew on the newest full, and say what is missing, where they cannot go on", async () => {
    await slowFull(0, false, async () => 0);
    await log(2);
    // Another history of the source: nothing of it goes on from the first one.
    await project.write(linesUntil(5), "2");
    const full = await project.dump(5, "full");
    await project.write(linesUntil(8), "2");
    const made = await manifestOf(await project.dump(8, "log"));
    expect(made).toMatchObject({ base: { id: full }, notices: [{ code: "log-gap" }] });
    expect(made.notices[0]?.message).toContain("line 2 is not line 1");
    // What was stored of the attempt is gone.
    const stored = new Set([...project.vault.objects.keys()].flatMap((key) => /^artifacts\/bear\/([^/]+)/.exec(key)?.[1] ?? []));
    expect([...stored].sort()).toEqual(project.manifestIds());
    await project.write(linesUntil(9), "2");
    expect((await manifestOf(await project.dump(9, "log"))).base?.id).toBe(made.id);
  });

  it("that leave a gap within the recovery window are a breach, which is told once, and shown in a list; without one there is none", async () => {
    await project.retain("{ keepLast: 5, recoveryWindow: 1h, maxRemoval: 100%, minAge: none }");
    await slowFull(0, false, async () => 0);
    await log(2);
    await slowFull(3, true, async () => {
      await project.write(linesUntil(5));
      return 5;
    });
    for (const minute of [6, 8]) await log(minute);
    const breachesAt = async (minute: number) => {
      const context = await project.open(minute);
      const { status } = await measureSources(context, Object.values(context.policy.sources));
      return status.sources.flatMap(({ findings }) => findings.filter(({ subject }) => subject === "recovery-window"));
    };
    const gapsAt = async (minute: number) => {
      // Also where the logs beside the gap are not among what is listed.
      const { vaults } = await listBackups(await project.open(minute), { last: 1 });
      return vaults.flatMap(({ gaps }) => gaps);
    };
    expect(await breachesAt(9)).toEqual([]);
    expect(await gapsAt(9)).toEqual([]);
    await project.write(linesUntil(20), "2");
    await project.dump(20, "full");
    await project.write(linesUntil(22), "2");
    await project.dump(22, "log");
    const message = `what happened between ${at(8)} and ${at(20)} (12 min) is in no log: the recovery window has a gap`;
    expect(await breachesAt(23)).toEqual([{ level: "breach", subject: "recovery-window", message }]);
    expect(await gapsAt(23)).toEqual([{ vault: "main", source: "bear", from: at(8), to: at(20) }]);
    const memory = makeMemoryStore();
    const told: string[] = [];
    const tell = async (alert: Alert) => void told.push(JSON.stringify(alert));
    for (const minute of [24, 25]) await watchSources(await project.open(minute), { memory, tell });
    expect(told.filter((each) => each.includes("the recovery window has a gap"))).toHaveLength(1);
    // An hour later it is of the past.
    expect(await breachesAt(100)).toEqual([]);
    expect(await gapsAt(100)).toEqual([]);
  });

  it("leave no instant out, begin anew on every full, and let the old ones go, whatever the times", async () => {
    const full = fc.record({ ofEnd: fc.boolean(), logs: fc.nat(4), step: fc.integer({ min: 1, max: 3 }), after: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(full, { minLength: 2, maxLength: 4 }), async (fulls) => {
        project.useVault();
        let minute = 0;
        const first = await slowFull(0, false, async () => 0);
        let newest = first;
        const logAfter = (step: number): Promise<string> => {
          minute += step;
          return log(minute);
        };
        await logAfter(1);
        for (const { ofEnd, logs, step, after } of fulls) {
          minute += 1;
          newest = await slowFull(minute, ofEnd, async () => {
            for (let count = 0; count < logs; count += 1) await logAfter(step);
            minute += 1;
            await project.write(linesUntil(minute));
            return minute;
          });
          for (let count = 0; count < after; count += 1) await logAfter(step);
        }
        for (let count = 0; count < 2; count += 1) await logAfter(1);
        // The log that reaches a full stays with the older logs as long as that full is the base.
        minute += 1;
        newest = await slowFull(minute, true, async () => minute);
        for (let count = 0; count < 2; count += 1) await logAfter(1);
        const last = await logAfter(1);
        expect((await chainOf(last)).at(-1), "the newest log begins on the newest full").toBe(newest);
        const ids = project.manifestIds();
        const covered = new Set<number>();
        for (const id of ids) {
          const { from, to } = (await manifestOf(id)).coverage;
          const [low, high] = [from ?? to, to].map((each) => (Date.parse(each.at) - Date.parse(at(0))) / 60_000);
          for (let each = low ?? 0; each <= (high ?? 0); each += 0.5) covered.add(each);
        }
        for (let each = 0; each <= minute; each += 0.5) expect(covered.has(each), `minute ${each}`).toBe(true);
        const some = Math.floor(minute / 2);
        expect(await restored(`bear@${at(some)}`, minute + 1)).toEqual(linesUntil(some));
        // What was asked of keys is what the manifests say.
        await project.retain("{ keepLast: 1, recoveryWindow: 1m, maxRemoval: 100%, minAge: none }");
        const { released } = await planPrune(await project.open(minute + 1), "bear");
        expect(released, "the first full is needed no longer").toContain(first);
        await pruneSource(await project.open(minute + 1), "bear");
        const left = project.manifestIds();
        for (const id of left) for (const link of await chainOf(id)) expect(left, `${id} builds on ${link}`).toContain(link);
        expect(await restored("bear@latest", minute + 1)).toEqual(linesUntil(minute));
      }),
      { numRuns: Number(process.env["HOLDFAST_CHAIN_RUNS"] ?? 5) },
    );
  }, 300_000);
});
