/** A dump as an engine gives it: streams of bytes, figures and notices. */
import type { Readable } from "node:stream";
import type { BackupKind } from "../policy/policy.ts";
import type { Notice, SourceCheckResult } from "../proof/content.ts";
import type { Coverage } from "../proof/position.ts";
import type { BackupReader, Facts } from "./backup-reader.ts";

/** One stream of a backup on its way out of the source. */
export interface DumpArtifact {
  /** Object name within the backup: `[a-z0-9][a-z0-9.-]*`. */
  readonly name: string;
  /** What it is to its engine: `archive`, `globals`, `index` … */
  readonly role: string;
  /** What public tool opens it, once unsealed: `pg_dump-custom`, `sql`, `tar`, `jsonl`. */
  readonly format: string;
  /** Whether sealing should compress it; false where the producer already did. */
  readonly compress: boolean;
  /**
   * The bytes. The stream ends only when the producer's exit status says that they are all; any
   * failure destroys it with a catalogue error, so that a consumer that saw the end saw everything.
   * Consumed before the next artifact is asked for, unless the session is `parallel`.
   */
  readonly body: Readable;
}

/** An artifact of `DumpRequest.reusable`, by its name, that the new backup has as well. */
export interface ReusedArtifact {
  readonly reuse: string;
}

/** What is asked of a dump. */
export interface DumpRequest<F extends Facts = Facts> {
  readonly kind: BackupKind;
  readonly backupId: string;
  /** What the kind builds on, by the engine's rule (EnginePolicy.kinds); absent: nothing. */
  readonly base?: BackupReader<F> | undefined;
  /**
   * The backup whose artifacts may be named instead of stored again, and of its artifacts those
   * that may; absent: none.
   */
  readonly reusable?: BackupReader<F>;
}

/** What a dump that was read to its end has to say. */
export interface DumpSummary<F extends Facts = Facts> {
  readonly coverage: Coverage;
  /** Server version, tools, encodings, extensions, options used: plain JSON for the manifest. */
  readonly facts: F;
  /** Whatever the tools warn of or could not see: for the manifest and the output. */
  readonly notices: readonly Notice[];
}

/**
 * A running dump: artifacts are read in order, the source check may run beside them; `finish` comes
 * after both, when all went well, and `close` always comes last.
 */
export interface DumpSession<F extends Facts = Facts, A = DumpArtifact | ReusedArtifact> {
  /** A guess at the archive's bytes, for progress only. */
  readonly expectedBytes?: number;
  /**
   * So many artifacts may be open at once: the next is asked for while the bodies of the ones
   * before are still being read. Absent: one.
   */
  readonly parallel?: number;
  /** No two have one name, the reused ones included. */
  artifacts(): AsyncIterable<A>;
  /**
   * Resolves at any time between opening and `close`. Errors: SourceUnreachable,
   * SourceAccessDenied.
   */
  sourceCheck(): Promise<SourceCheckResult>;
  /** Errors: Internal, when it is asked before the last artifact was read. */
  finish(): Promise<DumpSummary<F>>;
  close(): Promise<void>;
}
