/**
 * A stored backup on its way back: each artifact fetched, unsealed and checked against the manifest
 * while it is read.
 */
import { Readable } from "node:stream";
import type { BackupReader } from "../../engines/backup-reader.ts";
import type { Engine } from "../../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { LoadFinding } from "../../proof/content.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { DigestKey } from "../../sealing/digest-key.ts";
import type { SealingKeys } from "../../sealing/keys.ts";
import { openStream } from "../../sealing/open.ts";
import { placeOf } from "../../vault/artifact-place.ts";
import type { ArtifactRecord, Manifest } from "../../vault/documents/manifest.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import { noteBrokenObject } from "../damage/shared-damage.ts";
import type { SealedVault } from "./authentic-manifest.ts";
import { figuresOf } from "./backup-figures.ts";

export interface BackupReading {
  readonly reader: BackupReader;
  /**
   * Reads to its end whatever artifact the engine did not, so that every byte of the backup has
   * been checked.
   */
  readRest(): Promise<void>;
  /** What was skipped for `salvage`: one finding an artifact. */
  readonly damage: readonly LoadFinding[];
}

export interface ReadOptions {
  /**
   * Streams end where damage is met, after all that is sound before it, instead of failing: the
   * last resort.
   */
  readonly salvage?: boolean | undefined;
  /** The backup's own; without it, what was inside the seals is not compared with the manifest. */
  readonly digestKey?: DigestKey | undefined;
}

/**
 * Opens `manifest`'s backup for reading. The reader's streams fail with an integrity error of the
 * catalogue, never end early unless asked to.
 */
export function openBackup(
  { store, id: vaultId }: SealedVault,
  keys: SealingKeys,
  manifest: Manifest,
  engine: Pick<Engine, "name" | "facts">,
  run: RunContext,
  { salvage = false, digestKey }: ReadOptions,
): BackupReading {
  const damage = new Map<string, LoadFinding>();
  const unread = new Set(manifest.artifacts.map((artifact) => artifact.name));

  async function open(name: string): Promise<Readable> {
    const record = manifest.artifacts.find((artifact) => artifact.name === name);
    if (record === undefined) {
      throw new HoldfastError("ManifestDamaged", `the manifest of ${manifest.id} names no artifact "${name}"`);
    }
    // What is reused has its digest under the key of the backup that stored it.
    const ownKey = record.reusedFrom === undefined ? digestKey : undefined;
    const { key, storedBy } = placeOf(manifest, record);
    const noteBroken = (error: unknown): void => noteBrokenObject(error, key);
    const stored = await fetchArtifact(store, manifest, record, run).catch((error: unknown) => {
      noteBroken(error);
      throw error;
    });
    const opened = openStream(stored, record, {
      keys,
      context: { vaultId, source: manifest.source, backupId: storedBy, artifact: name },
      isPlain: ownKey && ((sha256) => ownKey.plainDigestOf(name, sha256) === record.plainDigest),
      signal: run.signal,
    });
    opened.once("end", () => unread.delete(name));
    opened.once("error", noteBroken);
    if (!salvage) return opened;
    return Readable.from(
      untilDamage(opened, (error) => {
        run.log.warn(`what comes after the damage in ${name} is lost`, { cause: error.message });
        damage.set(name, { class: "damage", subject: name, message: error.message });
      }),
      { objectMode: true, highWaterMark: 1 },
    );
  }

  return {
    get damage() {
      return [...damage.values()];
    },
    reader: { ...figuresOf(manifest, engine), open },
    async readRest() {
      for (const name of [...unread]) {
        for await (const chunk of await open(name)) void chunk;
      }
    },
  };
}

/** What is sound before the damage; all of it was authenticated (openStream). */
async function* untilDamage(stream: Readable, tell: (error: HoldfastError) => void): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (!isHoldfastError(error) || (error.name !== "ArtifactDamaged" && error.name !== "SealInvalid")) throw error;
    tell(error);
  }
}

async function fetchArtifact(store: ObjectStore, manifest: Manifest, record: ArtifactRecord, run: RunContext): Promise<Readable> {
  const { key } = placeOf(manifest, record);
  try {
    const { body } = await store.get(key, { signal: run.signal });
    const counted = Readable.from(countBytes(body, run), { objectMode: true, highWaterMark: 1 });
    // Also when it is destroyed before it was read: its generator never ran, and the body would
    // stay open.
    counted.once("close", () => body.destroy());
    return counted;
  } catch (error) {
    // A link or a pipe stands there, in a folder.
    if (isHoldfastError(error, "VaultInvalid")) throw new HoldfastError("ArtifactDamaged", error.message, { cause: error });
    if (!isHoldfastError(error, "ObjectNotFound")) throw error;
    throw new HoldfastError(
      "ArtifactMissing",
      `${record.name} of backup ${manifest.id} is not in the vault: ${store.url} has no ${key}`,
      {
        cause: error,
      },
    );
  }
}

async function* countBytes(body: Readable, run: RunContext): AsyncGenerator<Uint8Array> {
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    run.progress.advance(chunk.length);
    yield chunk;
  }
}
