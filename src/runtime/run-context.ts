/**
 * What every step gets from its caller: time, randomness, cancellation, and where to
 * report to.
 */
import type { Clock } from "./clock.ts";
import type { SandboxWish } from "./find-sandbox.ts";

/** Figures of a long operation; the caller shows them as it likes, or not at all. */
export interface Progress {
  /**
   * A phase begins: `dump`, `verify`, `restore` … and, where it is known, how many bytes it will
   * move.
   */
  phase(name: string, expectedBytes?: number): void;
  /** So many further bytes of the current phase were moved. */
  advance(bytes: number): void;
}

/** Structured log; fields are plain values without secrets. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * What belongs to Holdfast itself on this machine: never part of a backup, never restored over.
 * Absolute paths.
 */
export interface OwnPaths {
  /** The policy's folder vaults. */
  readonly vaults: readonly string[];
  /** The policy itself, key files, and files that hold connections and webhooks. */
  readonly files: readonly string[];
}

export interface RunContext {
  readonly clock: Clock;
  /** `count` random bytes; injected, so that tests can repeat a run. */
  readonly randomBytes: (count: number) => Uint8Array;
  /**
   * Aborted when the operation is to stop: on SIGINT and SIGTERM, before a Lambda's deadline, on a
   * lost lease.
   */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly progress: Progress;
  /** Where private temporary directories are made; needs room for what a step documents. */
  readonly temporaryDirectory: string;
  /**
   * The environment variables of the process that started the run: where `env:` connections and
   * libpq's PG* variables are read from.
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * Directories with the programs that engines start, looked at before those where distributions
   * install them.
   */
  readonly toolPath: readonly string[];
  /**
   * The person who runs it, as this machine knows them; absent where a service does (`identity`
   * names it).
   */
  readonly actor?: string | undefined;
  /** Filled in from the policy by `createPipelineContext`. */
  readonly ownPaths?: OwnPaths | undefined;
  /**
   * What the policy says of sandboxes for what comes from a backup. Default: the strongest that the
   * machine offers.
   */
  readonly sandbox?: SandboxWish | undefined;
  /**
   * Whether a connection over a network must be encrypted for certain: in a stack, whose secrets
   * and rows cross networks of others.
   */
  readonly requireTls?: boolean | undefined;
  /** The host's name and process, for leases and evidence. */
  readonly identity: string;
}
