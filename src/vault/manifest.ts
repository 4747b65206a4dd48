/** The manifest: the JSON that commits a backup. Its format is docs/vault-format.md, "Manifest". */

import type { BackupKind } from "../policy/policy.ts";
import type { Notice, SourceCheckResult } from "../proof/content.ts";

export interface ArtifactRecord {
  readonly name: string;
  readonly role: string;
  readonly format: string;
  /** Done by sealing; undone after unsealing and before `format`'s tool. */
  readonly compression: "none" | "zstd";
  readonly keyId: string;
  /** What is inside the seal: after compression, before encryption. */
  readonly plainBytes: number;
  readonly plainSha256: string;
  /** The object as it stands in the vault. */
  readonly storedBytes: number;
  readonly storedSha256: string;
}

export interface Manifest {
  readonly formatVersion: 1;
  readonly id: string;
  readonly source: string;
  readonly engine: string;
  readonly kind: BackupKind;
  /** The backup this one depends on; null for one that stands alone. */
  readonly parent: string | null;
  /** From the full to the parent, in the order in which they are restored. */
  readonly chain: readonly string[];
  readonly consistencyPoint: { readonly time: string; readonly position?: string };
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly notices: readonly Notice[];
  readonly artifacts: readonly ArtifactRecord[];
  readonly sourceCheck: SourceCheckResult;
  readonly policySha256: string;
  readonly holdfastVersion: string;
}
