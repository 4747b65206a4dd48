/** The step that gathers what there is to say of one backup: manifest, evidence, state. */
import { type HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { Evidence } from "../vault/documents/evidence.ts";
import { type ReadManifest, readManifest } from "../vault/documents/manifest.ts";
import { type ExaminedBackup, examineBackup } from "../vault/examine-backup.ts";
import { keepGenuine } from "../vault/judge-checks.ts";
import { compareKeys } from "../vault/object-key.ts";
import { type FoundBackup, findInVaults } from "./catalogue/find-backups.ts";
import { readSoundEvidence } from "./catalogue/read-valid-evidence.ts";
import { authenticatorOf } from "./opening/authentic-manifest.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** Evidence that is there and cannot be read. */
export interface UnreadEvidence {
  readonly key: string;
  readonly unreadable: true;
}

export interface ShownBackup {
  readonly found: FoundBackup;
  /** As its documents bear it out; its state by the keys alone where it was deleted meanwhile. */
  readonly examined: ExaminedBackup;
  /** The manifest, or what is wrong with it. */
  readonly manifest: ReadManifest | HoldfastError;
  /** Oldest first. */
  readonly evidence: readonly (Evidence | UnreadEvidence)[];
}

/**
 * Finds the backup that `reference` names and reads its documents. A damaged manifest is part of
 * the result: the evidence then says what was found. Errors: those of findInVaults and
 * examineBackup.
 */
export async function showBackup(context: PipelineContext, reference: string): Promise<ShownBackup> {
  const found = await findInVaults(context, reference);
  const { entry, vault } = found;
  const manifest = await readWhatStands(found);
  const evidence: (Evidence | UnreadEvidence)[] = [];
  const counting = [...keepGenuine(vault, entry.earlierChecks), ...entry.checks].sort((a, b) => compareKeys(a.key, b.key));
  for (const { key } of counting) evidence.push((await readSoundEvidence(vault.store, key)) ?? { key, unreadable: true });
  const examined = await examineBackup(vault.store, entry, authenticatorOf(context, vault));
  return { found, examined: examined ?? { ...entry, problems: [] }, manifest, evidence };
}

async function readWhatStands({ entry, vault }: FoundBackup): Promise<ReadManifest | HoldfastError> {
  try {
    return await readManifest(vault.store, entry.source, entry.id);
  } catch (error) {
    if (isHoldfastError(error, "ManifestDamaged")) return error;
    throw error;
  }
}
