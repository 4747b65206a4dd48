/** A PostgreSQL source, as its policy is understood. */
import type { ConnectionReference, RestoreTestConfig, SourceConfig } from "../../policy.ts";

export type SourceCheckMode = "counts" | "content" | "none";

/** One check of the application's: SQL that gives one value, and what it must be. */
export interface Assertion {
  readonly name: string;
  readonly sql: string;
  readonly expect: { readonly equals: string | number | boolean } | { readonly atLeast: number } | { readonly atMost: number };
}

export interface PostgresRestoreTest extends RestoreTestConfig {
  readonly assertions: readonly Assertion[];
  /** Whether loading may connect to the foreign servers that the backup defines. */
  readonly foreignServers?: boolean;
  /** Extensions that a server may lack: what needs them is left out of the verdict by name. */
  readonly withoutExtensions?: readonly string[];
}

export interface PostgresSource extends SourceConfig {
  readonly engine: "postgres";
  readonly connection: ConnectionReference;
  readonly exclude: {
    /** Patterns of tables left out entirely: `schema.table` with `*` and `?`. */
    readonly tables: readonly string[];
    /** Patterns of tables whose definition is kept and whose rows are not. */
    readonly data: readonly string[];
  };
  readonly sourceCheck: SourceCheckMode;
  readonly restoreTest: PostgresRestoreTest;
  /** Whether roles are captured with their password hashes (needs a superuser). */
  readonly rolePasswords: boolean;
}
