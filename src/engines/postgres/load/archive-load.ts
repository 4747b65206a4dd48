/** What a load of an archive is asked for. */
import type { Confinement } from "../../../runtime/sandbox.ts";
import type { DelegatedRights } from "../archive/archive-rights.ts";
import type { ArchiveSource } from "../archive/archive-source.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import type { EntryFinder } from "./load-errors.ts";
import type { LoadPlan } from "./load-order.ts";

export interface ArchiveLoad {
  readonly pgRestore: string;
  readonly source: ArchiveSource;
  readonly settings: ConnectionSettings;
  readonly outline: EntryFinder;
  /** Holdfast's own, for pg_restore's list: the server cannot write in it. */
  readonly directory: string;
  /** The sandbox of a throwaway server's clients; absent for a server of the user's. */
  readonly confinement?: Confinement;
  /** Lets the sandbox's user read a file in `directory`. */
  readonly handOver?: (file: string) => Promise<void>;
  /** `--no-owner`, `--no-privileges`, `--no-tablespaces`. */
  readonly options: readonly string[];
  /** Sessions that load at once, when the archive is on disk. */
  readonly jobs: number;
  /** Numbers of the entries that are loaded; absent: all of them. */
  readonly only?: ReadonlySet<number> | undefined;
  /** What is left to the end, and what is left out. */
  readonly order?: LoadPlan;
  /** Rights that Holdfast grants itself, after the objects. None where options leave rights out. */
  readonly delegated?: readonly DelegatedRights[];
  /** Runs before what is left to the end, when all else is loaded. */
  readonly beforeLast?: () => Promise<void>;
  /**
   * Indexes and keys may be made while other tables still get their rows
   * (ArchiveOutline.plainKeysOnly). Default: they wait for all rows.
   */
  readonly keysBesideRows?: boolean;
}
