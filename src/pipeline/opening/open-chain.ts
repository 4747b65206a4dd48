/**
 * A backup together with all that it builds on, each link checked: the base is there, it is the one
 * that was built on (its manifest's hash), and the positions join.
 */
import type { BackupChain, BackupReader } from "../../engines/backup-reader.ts";
import type { Engine } from "../../engines/engine.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import { totalsOf } from "../../vault/documents/manifest-totals.ts";
import { readBase } from "../../vault/examine-base.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { SealedVault } from "./authentic-manifest.ts";
import { figuresOf } from "./backup-figures.ts";
import { readDigestKey } from "./digest-keys.ts";
import { openingKeysFor } from "./opening-keys.ts";
import { type BackupReading, openBackup, type ReadOptions } from "./read-backup.ts";

export type ChainedManifests = readonly [Manifest, ...Manifest[]];

/**
 * The manifest of what a genuine one builds on; undefined where it stands alone. Errors:
 * ManifestDamaged, which says what is wrong with the base or between the two; ContentInvalid (its
 * facts), those of ObjectStore.get.
 */
export async function requireBase(
  store: ObjectStore,
  manifest: Manifest,
  engine: Pick<Engine, "name" | "facts" | "findGap">,
): Promise<Manifest | undefined> {
  const found = await readBase(store, manifest);
  if (found === undefined) return undefined;
  const problem = typeof found === "string" ? found : findBreak(found.manifest, manifest, engine);
  if (problem !== undefined) {
    throw new HoldfastError("ManifestDamaged", problem, {
      hint: "Bring the base back from a copy of the vault, or choose a backup from before the break with `holdfast list`.",
    });
  }
  return typeof found === "string" ? undefined : found.manifest;
}

function findBreak(base: Manifest, manifest: Manifest, engine: Pick<Engine, "name" | "facts" | "findGap">): string | undefined {
  const builds = `${manifest.id} builds on ${base.id}`;
  if (base.engine !== manifest.engine) return `${builds}, which the ${base.engine} engine made`;
  if (manifest.coverage.to.at < base.coverage.to.at) return `${builds}, which ends later: the positions run backwards`;
  const gap = engine.findGap?.(figuresOf(base, engine), figuresOf(manifest, engine));
  return gap === undefined ? undefined : `${builds}, and does not go on where that ends: ${gap}`;
}

/**
 * The manifests of the chain in the order of restoring, `manifest` last. Errors: those of
 * requireBase.
 */
export async function readChain(
  store: ObjectStore,
  manifest: Manifest,
  engine: Pick<Engine, "name" | "facts" | "findGap">,
): Promise<ChainedManifests> {
  const older: Manifest[] = [];
  // It ends: a base is older than what builds on it, by the format (check-manifest.ts).
  for (let base = await requireBase(store, manifest, engine); base !== undefined; base = await requireBase(store, base, engine)) {
    older.push(base);
  }
  const [first, ...others] = [...older.reverse(), manifest];
  return [first ?? manifest, ...others];
}

/** A chain on its way back: one reading for all. */
export interface ChainReading extends Pick<BackupReading, "readRest" | "damage"> {
  readonly readers: BackupChain;
  readonly manifests: ChainedManifests;
}

/**
 * Opens a genuine manifest's backup with all that it builds on; `options.digestKey` is its own.
 * Errors: those of readChain and readDigestKey.
 */
export async function openChain(
  context: PipelineContext,
  vault: SealedVault,
  manifest: Manifest,
  engine: Engine,
  options: ReadOptions,
): Promise<ChainReading> {
  const keys = await openingKeysFor(context, manifest.source);
  const manifests = await readChain(vault.store, manifest, engine);
  const readings: BackupReading[] = [];
  for (const each of manifests) {
    const digestKey = each === manifest ? options.digestKey : await readDigestKey(context, vault, each);
    readings.push(openBackup(vault, keys, each, engine, context.run, { ...options, digestKey }));
  }
  const [first, ...others] = readings.map(({ reader }) => reader) as [BackupReader, ...BackupReader[]];
  return {
    manifests,
    readers: [first, ...others],
    get damage() {
      const last = readings.length - 1;
      return readings.flatMap(({ damage }, index) =>
        index === last ? damage : damage.map((found) => ({ ...found, subject: `${manifests[index]?.id}/${found.subject}` })),
      );
    },
    async readRest() {
      for (const reading of readings) await reading.readRest();
    },
  };
}

export function storedBytesOf(manifests: readonly Manifest[]): number {
  return manifests.reduce((sum, manifest) => sum + totalsOf(manifest).storedBytes, 0);
}
