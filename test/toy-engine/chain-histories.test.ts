/**
 * Histories of backups that build on others, with damage, deletions and forgeries from outside,
 * restore tests and prunes: what Holdfast says of a backup against what restoring it gives. The
 * test keeps its own book of what each backup built on and of what was done to it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { newestGoodBackup } from "../../src/pipeline/catalogue/newest-good.ts";
import { listEntries } from "../../src/pipeline/list-source.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { authenticatorOf } from "../../src/pipeline/opening/authentic-manifest.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import { type Manifest, readManifest } from "../../src/vault/documents/manifest.ts";
import { type ExaminedBackup, examineAll } from "../../src/vault/examine-backup.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { signedNames } from "../support/signed-vault.ts";
import { createToyProject, type ToyProject } from "./toy-project.ts";

type Step =
  | { readonly do: "backup"; readonly kind: BackupKind; readonly minutes: number; readonly verify: boolean }
  | { readonly do: "damage" | "swap" | "delete" | "delete all"; readonly which: number; readonly found: boolean }
  | { readonly do: "forge"; readonly which: number; readonly what: "evidence" | "manifest" }
  | { readonly do: "test"; readonly which: number }
  | { readonly do: "prune"; readonly rules: string; readonly minutes: number };

const which = fc.nat(30);
const minutes = fc.integer({ min: 1, max: 9 });
const kinds: readonly BackupKind[] = ["log", "log", "log", "incremental", "incremental", "differential", "full"];
const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          do: fc.constant("backup" as const),
          kind: fc.constantFrom(...kinds),
          minutes,
          verify: fc.nat(5).map((dice) => dice > 0),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom("damage" as const, "swap" as const, "delete" as const, "delete all" as const),
          which,
          found: fc.boolean(),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant("forge" as const),
          which,
          what: fc.constantFrom("evidence" as const, "manifest" as const),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("test" as const), which }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant("prune" as const),
          minutes: fc.integer({ min: 0, max: 90 }),
          rules: fc
            .record({
              keep: fc.constantFrom("keepLast: 1", "keepLast: 3", "daily: 2", "daily: 1, keepLast: 2"),
              window: fc.constantFrom("", ", recoveryWindow: 10m", ", recoveryWindow: 30m", ", recoveryWindow: 60m"),
            })
            .map(({ keep, window }) => keep + window),
        }),
      },
    ),
    { minLength: 8, maxLength: 22 },
  )
  .map((drawn) => [{ do: "backup", kind: "full", minutes: 1, verify: true }, ...drawn]);

/** What the test knows of a backup. */
interface Made {
  readonly id: string;
  readonly kind: BackupKind;
  readonly base: string | undefined;
  readonly from: number | undefined;
  readonly to: number;
  /** What was done to its objects from outside. */
  harm?: "damage" | "swap" | "delete" | "delete all";
  /** Whether a verification has met the harm. */
  found: boolean;
}

const startMs = Date.UTC(2026, 0, 10);
const at = (minute: number): string => new Date(startMs + minute * 60_000).toISOString();
const minuteOf = (instant: string): number => (Date.parse(instant) - startMs) / 60_000;
const linesUntil = (minute: number): string[] => Array.from({ length: minute + 1 }, (_, index) => `${at(index)} line ${index}`);

const backup = (kind: BackupKind): Step => ({ do: "backup", kind, minutes: 3, verify: true });

/** A full, and three of a kind on it; the first of those is lost, or no longer what it was. */
const lostInTheMiddle = (["log", "incremental"] as const).flatMap((kind) =>
  (["delete", "swap", "damage"] as const).map((what): [readonly Step[]] => [
    [backup("full"), backup(kind), backup(kind), backup(kind), { do: what, which: 1, found: what === "damage" }],
  ]),
);
/** Nothing says that the first log was there; what comes next must not build on the later ones. */
const goneWithoutTrace: [readonly Step[]] = [
  [backup("full"), backup("log"), backup("log"), backup("log"), { do: "delete all", which: 1, found: false }, backup("log")],
];
/** A manifest that nobody made, with an id between a log and its full; a dump then finds it out. */
const plantedBetween: [readonly Step[]] = [
  [
    backup("full"),
    backup("full"),
    backup("log"),
    { do: "forge", what: "manifest", which: 1 },
    backup("incremental"),
    backup("log"),
  ],
];
/** Nothing happens to it. */
const ordinary: [readonly Step[]] = [
  [
    ...[backup("full"), backup("log"), backup("incremental"), backup("log"), backup("full"), backup("log"), backup("log")],
    { do: "test", which: 3 },
    { do: "prune", minutes: 2, rules: "keepLast: 1, recoveryWindow: 10m" },
  ],
];

let project: ToyProject;
beforeAll(async () => {
  project = await createToyProject();
});
afterAll(() => project[Symbol.asyncDispose]());

/** A history under way. */
class Course {
  minute = 0;
  readonly made = new Map<string, Made>();
  /** How often each thing happened: a property of nothing is worth nothing. */
  static readonly counts: Record<string, number> = {};

  count(what: string, by = 1): void {
    Course.counts[what] = (Course.counts[what] ?? 0) + by;
  }

  /** The backup and all that it builds on, as long as the test knows it. */
  chainOf(id: string): Made[] {
    const found = this.made.get(id);
    return found === undefined ? [] : [found, ...(found.base === undefined ? [] : this.chainOf(found.base))];
  }

  isIntact(id: string): boolean {
    return this.chainOf(id).every(({ harm }) => harm === undefined);
  }

  /** Whether anybody who looks can know that it does not restore. */
  isKnownBad(id: string): boolean {
    return this.chainOf(id).some(({ harm, found }) => harm !== undefined && (found || harm !== "damage"));
  }

  present(): Made[] {
    const ids = new Set(project.manifestIds());
    return [...this.made.values()].filter(({ id }) => ids.has(id));
  }

  async backup({ kind, minutes: passed, verify }: Step & { do: "backup" }): Promise<void> {
    this.minute += passed;
    await project.write(linesUntil(this.minute));
    let id: string;
    try {
      id = await project.dump(this.minute, kind, verify);
    } catch (error) {
      // Without anything sound to build on, a log is refused.
      if (kind === "log" && isHoldfastError(error, "BackupNotFound")) return this.count("refused logs");
      throw error;
    }
    const { manifest } = await readManifest(project.vault, "bear", id);
    const { base, coverage } = manifest;
    const from = coverage.from === undefined ? undefined : minuteOf(coverage.from.at);
    expect(coverage.to.at).toBe(at(this.minute));
    if (base !== null) expect(this.isKnownBad(base.id), `${id} was built on ${base.id}`).toBe(false);
    this.made.set(id, { id, kind: manifest.kind, base: base?.id, from, to: this.minute, found: false });
    this.count(manifest.kind);
  }

  async harm(step: Step & { do: "damage" | "swap" | "delete" | "delete all" }): Promise<void> {
    const present = this.present().filter(({ harm }) => harm === undefined);
    const victim = present[step.which % Math.max(present.length, 1)];
    if (victim === undefined) return;
    const { id } = victim;
    const { objects } = project.vault;
    const manifestKey = keyOf.manifest("bear", id);
    this.count(step.do);
    victim.harm = step.do;
    if (step.do === "damage") {
      const key = keyOf.artifact("bear", id, "lines.txt");
      const bytes = Buffer.from(objects.get(key)?.bytes ?? "");
      bytes[step.which % bytes.length] = ~(bytes[step.which % bytes.length] ?? 0);
      await project.vault.put(key, bytes);
    } else if (step.do === "swap") {
      const manifest = JSON.parse(String(objects.get(manifestKey)?.bytes)) as Manifest;
      await project.vault.put(manifestKey, Buffer.from(JSON.stringify({ ...manifest, finishedAt: at(this.minute + 1) })));
    } else {
      for (const key of [...objects.keys()]) {
        if (key === manifestKey || (step.do === "delete all" && key.includes(`/${id}`))) objects.delete(key);
      }
    }
    if (!step.found || step.do === "delete" || step.do === "delete all") return;
    this.minute += 1;
    const context = await project.open(this.minute);
    expect(await verifyBackup(context, await findInVaults(context, id))).toMatchObject({ outcome: "damaged" });
    victim.found = true;
  }

  /** By somebody who can write, but has no key. */
  async forge({ what, which: chosen }: Step & { do: "forge" }): Promise<void> {
    const present = this.present();
    const victim = present[chosen % Math.max(present.length, 1)];
    if (victim === undefined) return;
    this.count(`forged ${what}`);
    const { objects } = project.vault;
    if (what === "evidence") {
      const names = signedNames("0123456789abcdefghjkmnpqrs", 9);
      const document = { formatVersion: 2, source: "bear", backupId: victim.id, check: "proven", at: at(this.minute) };
      const bytes = Buffer.from(JSON.stringify(document));
      await project.vault.put(names.evidence("bear", victim.id, new Date(at(this.minute)), "proven", bytes), bytes);
    } else {
      // The newest of all, or between the others.
      const manifest = JSON.parse(String(objects.get(keyOf.manifest("bear", victim.id))?.bytes)) as Manifest;
      const id = victim.id.replace(/.{6}$/, "zzzzzz");
      await project.vault.put(keyOf.manifest("bear", id), Buffer.from(JSON.stringify({ ...manifest, id })));
    }
  }

  async test({ which: chosen }: Step & { do: "test" }): Promise<void> {
    const present = this.present();
    const tested = present[chosen % Math.max(present.length, 1)];
    if (tested === undefined) return;
    this.minute += 1;
    const context = await project.open(this.minute);
    const { outcome } = await restoreTest(context, await findInVaults(context, tested.id));
    expect(outcome, tested.id).toBe(this.isIntact(tested.id) ? "proven" : "disproven");
    this.count(outcome);
  }

  async prune({ rules, minutes: passed }: Step & { do: "prune" }): Promise<void> {
    this.minute += passed;
    await project.retain(`{ ${rules}, maxRemoval: 100%, minAge: none }`);
    const [, window = "0"] = /recoveryWindow: (\d+)/.exec(rules) ?? [];
    const promised = this.recoverable().filter((minute) => minute >= this.minute - Number(window));
    const before = this.present();
    const intact = new Set(before.flatMap(({ id }) => (this.isIntact(id) ? [id] : [])));
    const planned = await planPrune(await project.open(this.minute), "bear");
    if (planned.released.length > 0) this.expectNoTrust(planned.decisions);
    try {
      await pruneSource(await project.open(this.minute), "bear");
    } catch (error) {
      if (!isHoldfastError(error, "PruneRefused")) throw error;
      expect(this.present()).toEqual(before);
      return this.count("refused prunes");
    }
    this.count("prunes");
    const ids = new Set(project.manifestIds());
    for (const { id, base } of this.present()) {
      if (base !== undefined && intact.has(id)) expect(ids.has(base), `${base}, which ${id} builds on`).toBe(true);
    }
    const remaining = new Set(this.recoverable());
    if (window === "0") return;
    for (const minute of promised) expect(remaining.has(minute), `${at(minute)} with ${rules}`).toBe(true);
    this.count("promised instants", promised.length);
  }

  expectNoTrust(decisions: readonly { id: string; kept: boolean; reasons: readonly string[] }[]): void {
    const trusting = /^(newest (verified|proven) backup|last \d+ of|newest (proven )?of|base of)/;
    for (const { id, kept, reasons } of decisions) {
      if (kept && reasons.some((reason) => trusting.test(reason))) expect(this.isKnownBad(id), `${id}: ${reasons}`).toBe(false);
    }
  }

  /** The minutes that what is there restores, each with one backup that does. */
  recoverable(): number[] {
    const found = new Set<number>();
    for (const { id, from, to, kind } of this.present()) {
      if (!this.isIntact(id)) continue;
      found.add(to);
      for (let minute = kind === "log" ? (from ?? to) : to; minute < to; minute += 1) found.add(minute);
    }
    return [...found];
  }

  /** What every reader says now, against what restoring gives. */
  async judge(): Promise<void> {
    this.minute += 1;
    const context = await project.open(this.minute);
    const vault = await context.vaultOf("main");
    const listed: ExaminedBackup[] = [];
    const entries = listEntries(context, vault, { source: "bear" });
    for await (const each of examineAll(vault.store, entries, authenticatorOf(context, vault))) listed.push(each);
    const isGood = ({ state }: { state: string }): boolean => state === "verified" || state === "proven";
    for (const each of listed) {
      const { id, state } = each;
      if (!this.made.has(id)) expect(state, `the forged ${id}`).toBe("damaged");
      else if (this.isKnownBad(id)) expect(isGood(each), `list says ${state} of ${id}`).toBe(false);
    }
    const good = await newestGoodBackup(context, "bear");
    if (good !== undefined && good !== null) expect(this.isKnownBad(good.id), `the newest good ${good.id}`).toBe(false);
    const { status } = await measureSources(context, Object.values(context.policy.sources));
    for (const point of [status.sources[0]?.newestVerified, status.sources[0]?.newestProven]) {
      if (point != null) expect(this.isKnownBad(point.id), `status says ${point.state} of ${point.id}`).toBe(false);
    }
    for (const { id, state } of listed) {
      const made = this.made.get(id);
      if (made === undefined) continue;
      const lines = await this.restore(id);
      if (lines !== undefined) expect(lines, id).toEqual(linesUntil(made.to));
      expect(lines !== undefined, `${id} is ${state} and ${this.isIntact(id) ? "whole" : "not whole"}`).toBe(this.isIntact(id));
      this.count(lines === undefined ? "refused restores" : "restores");
      const until = made.from === undefined ? made.to : Math.floor((made.from + made.to) / 2);
      if (made.from !== undefined && this.isIntact(id)) {
        expect(await this.restore(id, at(until)), `${id} until ${at(until)}`).toEqual(linesUntil(until));
      }
    }
  }

  /** Undefined: it was refused, or failed. */
  async restore(id: string, until?: string): Promise<readonly string[] | undefined> {
    const context = await project.open(this.minute);
    const to = join(project.directory, "restored");
    const options = { to, overwrite: false, allowDamaged: false, ...(until === undefined ? {} : { until }) };
    try {
      await restoreBackup(context, await findInVaults(context, id), options);
    } catch (error) {
      if (isHoldfastError(error) && error.exitCode === 4) return undefined;
      throw error;
    }
    return (await readFile(to, "utf8")).trimEnd().split("\n");
  }

  async run(history: readonly Step[]): Promise<void> {
    for (const step of history) {
      if (step.do === "backup") await this.backup(step);
      else if (step.do === "test") await this.test(step);
      else if (step.do === "prune") await this.prune(step);
      else if (step.do === "forge") await this.forge(step);
      else await this.harm(step);
    }
    await this.judge();
  }
}

describe("whatever happened to backups that build on others", () => {
  it("what is called good restores to its content, and nothing that builds on what is lost is", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        project.useVault();
        await project.retain("{ keepLast: 1, maxRemoval: 100%, minAge: none }");
        await new Course().run(history);
      }),
      {
        numRuns: Number(process.env["HOLDFAST_CHAIN_RUNS"] ?? 26),
        examples: [...lostInTheMiddle, goneWithoutTrace, plantedBetween, ordinary],
        endOnFailure: true,
      },
    );
    for (const what of ["log", "incremental", "restores", "refused restores", "prunes", "proven", "promised instants"]) {
      expect(Course.counts[what], what).toBeGreaterThan(0);
    }
  }, 600_000);
});
