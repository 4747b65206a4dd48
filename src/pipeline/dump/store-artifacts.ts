/**
 * The artifacts of a running dump on their way into the vault: so many at once as the session
 * bears, each sealed by itself, and those that an earlier backup stored by their names alone.
 */
import type { DumpArtifact, DumpSession } from "../../engines/dump-session.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { ArtifactRecord } from "../../vault/documents/manifest.ts";
import type { ReuseBase } from "./reuse-base.ts";
import { type ArtifactTarget, writeArtifact } from "./write-artifact.ts";

/**
 * However many a session bears: each one that is being stored takes up to 20 MiB for its seal and
 * what the store keeps of it (S3: 96 MiB for a large one).
 */
const maxParallel = 8;

/** An artifact that is being stored. */
interface Storing {
  readonly body: DumpArtifact["body"];
  /** Never rejects. */
  readonly done: Promise<void>;
}

/**
 * Stores what the session gives; resolves with the records in the session's order. When one fails,
 * the others are stopped, and all have ended when this rejects, with the failure that came first.
 * Errors: the session's, those of writeArtifact, Internal (a name that is not the base's).
 */
export async function storeArtifacts(
  session: DumpSession,
  target: ArtifactTarget,
  base: ReuseBase | undefined,
  run: RunContext,
): Promise<ArtifactRecord[]> {
  const stop = new AbortController();
  const stoppable = { ...run, signal: AbortSignal.any([run.signal, stop.signal]) };
  const parallel = Math.min(session.parallel ?? 1, maxParallel);
  const records: ArtifactRecord[] = [];
  let count = 0;
  const open = new Set<Storing>();
  let failure: { readonly error: unknown } | undefined;

  function start(artifact: DumpArtifact, place: number): void {
    const done = writeArtifact(target, artifact, stoppable)
      .then(
        (record) => {
          records[place] = record;
        },
        (error: unknown) => {
          // Those that are stopped for it fail after it.
          failure ??= { error };
          stop.abort();
        },
      )
      .finally(() => open.delete(storing));
    const storing: Storing = { body: artifact.body, done };
    open.add(storing);
  }

  try {
    for await (const artifact of session.artifacts()) {
      const place = count++;
      if ("reuse" in artifact) records[place] = takeRecord(base, artifact.reuse);
      else start(artifact, place);
      while (open.size >= parallel) await Promise.race([...open].map(({ done }) => done));
      if (failure !== undefined) break;
    }
  } catch (error) {
    // A session that lost a body to its consumer fails for that: the consumer knows why.
    const lost = [...open].filter(({ body }) => body.destroyed && !body.readableEnded);
    await Promise.all(lost.map(({ done }) => done));
    failure ??= { error };
    stop.abort();
  }
  await Promise.all([...open].map(({ done }) => done));
  if (failure !== undefined) throw failure.error;
  return records;
}

function takeRecord(base: ReuseBase | undefined, name: string): ArtifactRecord {
  const record = base?.records.get(name);
  if (record !== undefined) return record;
  throw new HoldfastError("Internal", `the engine reuses "${name}", which it was not offered`);
}
