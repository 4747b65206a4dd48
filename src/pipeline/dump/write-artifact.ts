/** One stream of a dump on its way into the vault: sealed, stored, and counted three times over. */

import type { DumpArtifact } from "../../engines/dump-session.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { DigestKey } from "../../sealing/digest-key.ts";
import type { SealingKeys } from "../../sealing/keys.ts";
import { sealStream } from "../../sealing/seal.ts";
import type { ArtifactRecord } from "../../vault/documents/manifest.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import { artifactTag } from "../../vault/s3/lifecycle-rules.ts";

export interface ArtifactTarget {
  readonly store: ObjectStore;
  readonly keys: SealingKeys;
  readonly vaultId: string;
  readonly source: string;
  readonly backupId: string;
  readonly digestKey: DigestKey;
  /** Where the vault locks: until when each artifact is locked at its write. */
  readonly retainUntil?: Date | undefined;
}

/**
 * By this tag a bucket's lifecycle rules know artifacts, which move to cheaper storage, from all
 * else, which stays (s3-lifecycle.ts).
 */
const tags = { [artifactTag.key]: artifactTag.value };

/**
 * Seals `artifact` and stores it under its own key, which must be free. Resolves with its manifest
 * record once the producer's end, the seal's figures and the store's count agree. When it rejects,
 * nothing of it is visible in the vault (ObjectStore.put), and the producer has been stopped.
 * Errors: the producer's own, those of sealing and of ObjectStore.put.
 */
export async function writeArtifact(target: ArtifactTarget, artifact: DumpArtifact, run: RunContext): Promise<ArtifactRecord> {
  const { store, keys, vaultId, source, backupId, digestKey } = target;
  const sealed = sealStream(artifact.body, {
    keys,
    context: { vaultId, source, backupId, artifact: artifact.name },
    compress: artifact.compress,
    signal: run.signal,
  });
  const stored = store
    .put(keyOf.artifact(source, backupId, artifact.name), countBytes(sealed.body, run), {
      ifAbsent: true,
      signal: run.signal,
      tags,
      retainUntil: target.retainUntil,
    })
    .catch((error: unknown) => {
      // Stops the producer: nobody reads it now.
      sealed.body.destroy(error instanceof Error ? error : undefined);
      throw error;
    });
  // Both must have ended before anything is cleaned up; the store's word comes first, for it passes
  // on the producer's.
  const [storing, sealing] = await Promise.allSettled([stored, sealed.figures]);
  if (storing.status === "rejected") throw storing.reason;
  if (sealing.status === "rejected") throw sealing.reason;
  const { plainSha256, ...figures } = sealing.value;
  if (storing.value.bytes !== figures.storedBytes) {
    throw new HoldfastError(
      "StoreUnavailable",
      `${store.url} stored ${storing.value.bytes} bytes of ${artifact.name} where ${figures.storedBytes} were sent`,
    );
  }
  const plainDigest = digestKey.plainDigestOf(artifact.name, plainSha256);
  return { name: artifact.name, role: artifact.role, format: artifact.format, ...figures, plainDigest };
}

async function* countBytes(stream: AsyncIterable<Uint8Array>, run: RunContext): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    run.progress.advance(chunk.length);
    yield chunk;
  }
}
