/** A source of files, as its policy is understood. */
import type { SourceConfig } from "../../policy.ts";

export interface FilesSource extends SourceConfig {
  readonly engine: "files";
  /** Absolute path of the tree. */
  readonly path: string;
  /** Patterns relative to `path`; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Bytes of holes of sparse files that one backup reads; absent: the engine's default. */
  readonly maxHoleBytes?: number | undefined;
}
