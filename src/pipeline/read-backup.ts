/** A stored backup on its way back: each artifact fetched, unsealed and checked against the manifest while it is read. */
import { Readable } from "node:stream";
import type { BackupReader } from "../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { RunContext } from "../runtime/run-context.ts";
import type { SealingKeys } from "../sealing/keys.ts";
import { openStream } from "../sealing/open.ts";
import { keyOf } from "../vault/layout.ts";
import type { ArtifactRecord, Manifest } from "../vault/manifest.ts";
import type { ObjectStore } from "../vault/object-store.ts";

export interface BackupReading {
  readonly reader: BackupReader;
  /** Reads to its end whatever artifact the engine did not, so that every byte of the backup has been checked. */
  readRest(): Promise<void>;
}

/** Opens `manifest`'s backup for reading. The reader's streams fail with an integrity error of the catalogue, never end early. */
export function openBackup(store: ObjectStore, keys: SealingKeys, manifest: Manifest, run: RunContext): BackupReading {
  const unread = new Set(manifest.artifacts.map((artifact) => artifact.name));

  async function open(name: string): Promise<Readable> {
    const record = manifest.artifacts.find((artifact) => artifact.name === name);
    if (record === undefined) {
      throw new HoldfastError("ManifestDamaged", `the manifest of ${manifest.id} names no artifact "${name}"`);
    }
    const stored = await fetchArtifact(store, manifest, record, run);
    const opened = openStream(stored, record, {
      keys,
      context: { source: manifest.source, backupId: manifest.id, artifact: name },
      signal: run.signal,
    });
    opened.once("end", () => unread.delete(name));
    return opened;
  }

  return {
    reader: {
      backupId: manifest.id,
      source: manifest.source,
      kind: manifest.kind,
      facts: manifest.facts,
      sourceCheck: manifest.sourceCheck,
      artifacts: manifest.artifacts,
      open,
    },
    async readRest() {
      for (const name of [...unread]) {
        for await (const chunk of await open(name)) void chunk;
      }
    },
  };
}

async function fetchArtifact(store: ObjectStore, manifest: Manifest, record: ArtifactRecord, run: RunContext): Promise<Readable> {
  const key = keyOf.artifact(manifest.source, manifest.id, record.name);
  try {
    const { body } = await store.get(key, { signal: run.signal });
    return Readable.from(countBytes(body, run), { objectMode: false });
  } catch (error) {
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
