/** Opens a backup for a restore, before anybody looks at the target. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { LoadFinding } from "../../proof/content.ts";
import { type ReadManifest, readManifest } from "../../vault/documents/manifest.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import { readDigestKey } from "../opening/digest-keys.ts";
import { openChain } from "../opening/open-chain.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { requireTemporaryDirectory } from "../runs/temporary-directory.ts";
import { refuseFlags, refuseSelection, refuseUntil } from "./refuse-request.ts";
import type { RestoreOptions } from "./restore-options.ts";

/**
 * Errors: UsageInvalid (what was asked for does not go with this backup), those of reading the
 * manifest and of openChain.
 */
export async function openForRestore(context: PipelineContext, found: FoundBackup, options: RestoreOptions) {
  const { allowDamaged, until } = options;
  const { manifest, sha256, forged } = await readForRestore(context, found, allowDamaged);
  refuseFlags(context, manifest.engine, options);
  refuseSelection(context, manifest.engine, options);
  await requireTemporaryDirectory(context.run.temporaryDirectory);
  refuseUntil(manifest, until);
  const engine = await context.engineOf(manifest.engine);
  const digestKey = await readDigestKey(context, found.vault, manifest);
  return {
    manifest,
    manifestSha256: sha256,
    digestKey,
    engine,
    forged,
    chain: await openChain(context, found.vault, manifest, engine, { salvage: allowDamaged, digestKey }),
  };
}

/**
 * A user who takes what is damaged may take a backup whose manifest nobody vouches for; that is
 * damage, and is said.
 */
async function readForRestore(
  context: PipelineContext,
  found: FoundBackup,
  allowDamaged: boolean,
): Promise<ReadManifest & { readonly forged: readonly LoadFinding[] }> {
  const { source, id } = found.entry;
  try {
    return { ...(await readAuthenticManifest(context, found.vault, source, id)), forged: [] };
  } catch (error) {
    if (!allowDamaged || !isHoldfastError(error, "ManifestDamaged")) throw error;
    // Fails as before when the manifest itself cannot be read.
    const read = await readManifest(found.vault.store, source, id);
    context.run.log.warn(error.message);
    return { ...read, forged: [{ class: "damage", subject: "manifest", message: error.message }] };
  }
}
