/** Which backups may name artifacts that an earlier one stored. */
import type { BackupKind } from "../../policy/policy.ts";

/** A backup of any other kind stores all that it names: its manifest need not be read for that. */
export const reusingKinds: ReadonlySet<BackupKind> = new Set(["incremental", "differential"]);
