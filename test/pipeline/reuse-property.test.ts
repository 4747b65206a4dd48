/**
 * Any history of backups that reuse, of prunes and sweeps, of runs that die at any request, and of
 * clocks that jump: what a genuine manifest names stays, whole; what none names goes.
 */
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DumpArtifact, ReusedArtifact } from "../../src/engines/dump-session.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { openingKeysFor } from "../../src/pipeline/opening/opening-keys.ts";
import { openBackup } from "../../src/pipeline/opening/read-backup.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { pruneSource } from "../../src/pipeline/prune.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import { digestOfObjects } from "../../src/proof/digest-root.ts";
import { placeOf } from "../../src/vault/artifact-place.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { parseArtifactKey, parseDocumentKey } from "../../src/vault/layout.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { craftedFacts } from "../engines/files/memory-backup.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";

let project: FilesProject;
beforeEach(async () => {
  project = await createFilesProject();
});
afterEach(() => project[Symbol.asyncDispose]());

type Step =
  | { readonly do: "back"; readonly kind: BackupKind; readonly change: readonly number[]; readonly dieAt: number }
  | { readonly do: "prune"; readonly dieAt: number };
type Timed = Step & { readonly hours: number };

/** Requests that change something, before one of which the run dies; beyond: it lives. */
const dieAt = fc.oneof({ weight: 3, arbitrary: fc.constant(1000) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 24 }) });
const step: fc.Arbitrary<Timed> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("back" as const),
      kind: fc.constantFrom<BackupKind[]>("full", "incremental", "incremental", "differential"),
      change: fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      dieAt,
      hours: fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 1, max: 60 }) },
        { weight: 1, arbitrary: fc.integer({ min: -3, max: -1 }) },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("prune" as const), dieAt, hours: fc.integer({ min: 1, max: 90 }) }),
  },
);

test("nothing that a manifest names is ever deleted, nothing that none names stays, and each backup is its own content", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
      await new History().follow(steps);
    }),
    { numRuns: 5, endOnFailure: true },
  );
});

class History {
  #shiftMs = 0;
  readonly #memory: MemoryStore = makeMemoryStore(() => new Date(Date.now() + this.#shiftMs));
  /** Six parts, and which version of each the source has. */
  readonly #versions = [0, 0, 0, 0, 0, 0];
  /** What each backup was made of. */
  readonly #content = new Map<string, readonly string[]>();

  async follow(steps: readonly Timed[]): Promise<void> {
    await this.#tryStep({ do: "back", kind: "full", change: [], dieAt: 1000 });
    for (const each of steps) {
      this.#shiftMs += each.hours * 3_600_000;
      await this.#tryStep(each);
      await this.#checkNamed();
    }
    // Every grace, hold-off and lock is over, twice: what the first prune deletes, the next sweeps
    // after.
    for (let round = 0; round < 4; round++) {
      this.#shiftMs += 5 * 24 * 3_600_000;
      await this.#tryStep({ do: "back", kind: "full", change: [], dieAt: 1000 });
      await this.#tryStep({ do: "prune", dieAt: 1000 });
      await this.#checkNamed();
    }
    this.#checkLeft(await this.#namedKeys());
  }

  async #tryStep(each: Step): Promise<void> {
    let left = each.dieAt;
    const dying = (store: ObjectStore): ObjectStore => {
      const mutate = async <T>(work: () => Promise<T>): Promise<T> => {
        if (left <= 0 || --left === 0) throw new HoldfastError("StoreUnavailable", "the run died");
        return work();
      };
      return { ...store, put: (...given) => mutate(() => store.put(...given)), delete: (key) => mutate(() => store.delete(key)) };
    };
    const context = await this.#open(dying);
    try {
      if (each.do === "prune") await pruneSource(context, "tree");
      else await this.#back(context, each);
    } catch (error) {
      if (!isHoldfastError(error, "StoreUnavailable", "PruneRefused")) throw error;
    } finally {
      context.close();
    }
    // Of a run that died, its lease is taken over.
    for (const key of this.#memory.objects.keys()) if (key.startsWith("leases/")) this.#memory.objects.delete(key);
  }

  async #back(context: PipelineContext, { kind, change }: Extract<Step, { do: "back" }>): Promise<void> {
    for (const part of change) this.#versions[part] = (this.#versions[part] ?? 0) + 1;
    const { backupId } = await dumpSource(context, { source: "tree", kind });
    const { findInVaults } = await import("../../src/pipeline/catalogue/find-backups.ts");
    await verifyBackup(context, await findInVaults(context, backupId));
  }

  async #open(wrapStore: (store: ObjectStore) => ObjectStore = (store) => store): Promise<PipelineContext> {
    const context = await project.open({ shiftMs: this.#shiftMs, wrapStore: () => wrapStore(this.#memory) });
    const names = this.#versions.map((version, part) => `part-${part}-${version}.tar`);
    const engineOf = async (name: string): Promise<Engine> => ({
      ...(await context.engineOf(name)),
      openDump: async (_source, { backupId, reusable }) => {
        const offered = new Set(reusable?.artifacts.map((artifact) => artifact.name));
        this.#content.set(backupId, names);
        return {
          parallel: 2,
          async *artifacts(): AsyncGenerator<DumpArtifact | ReusedArtifact> {
            for (const each of names) {
              const body = Readable.from([Buffer.from(each)], { objectMode: false });
              yield offered.has(each) ? { reuse: each } : { name: each, role: "archive", format: "tar", compress: true, body };
            }
          },
          sourceCheck: async () => ({ mode: "none", objects: {} }),
          finish: async () => ({ coverage: { to: { at: new Date().toISOString() } }, facts: craftedFacts, notices: [] }),
          close: async () => undefined,
        };
      },
      inspect: async () => ({ problems: [], digest: digestOfObjects("test-1", []) }),
    });
    return { ...context, engineOf };
  }

  #ids(): string[] {
    return [...this.#memory.objects.keys()].flatMap((key) =>
      key.startsWith("manifests/") ? (parseDocumentKey(key)?.id ?? []) : [],
    );
  }

  /** Every backup that is there is whole, and what it was made of. */
  async #checkNamed(): Promise<void> {
    const context = await this.#open();
    if (!this.#memory.objects.has("holdfast.json")) return;
    const vault = await context.vaultOf("main");
    const keys = await openingKeysFor(context, "tree");
    for (const id of this.#ids()) {
      const { manifest } = await readManifest(this.#memory, "tree", id);
      const { reader } = openBackup(vault, keys, manifest, await context.engineOf("files"), context.run, {});
      const texts: string[] = [];
      for (const { name } of manifest.artifacts) {
        const chunks: Buffer[] = [];
        for await (const chunk of await reader.open(name)) chunks.push(chunk as Buffer);
        texts.push(Buffer.concat(chunks).toString());
      }
      expect(texts, id).toEqual(this.#content.get(id));
    }
    context.close();
  }

  async #namedKeys(): Promise<Set<string>> {
    const named = new Set<string>();
    for (const id of this.#ids()) {
      const { manifest } = await readManifest(this.#memory, "tree", id);
      for (const record of manifest.artifacts) named.add(placeOf(manifest, record).key);
      for (const name of ["manifest", "digest-key"]) named.add(`artifacts/tree/${id}/${name}`);
    }
    return named;
  }

  /** Unless the newest backup stops all pruning, for a clock that was set back. */
  #checkLeft(named: ReadonlySet<string>): void {
    const left = [...this.#memory.objects.keys()].filter((key) => parseArtifactKey(key) !== undefined && !named.has(key));
    expect(left).toEqual([]);
  }
}
