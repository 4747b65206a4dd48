/**
 * Writes anew what a vault has of its own and lost, or what others changed of it; what was there is
 * kept beside it.
 */
import type { Finding } from "../engines/finding.ts";
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { documentLock } from "../vault/documents/lock-documents.ts";
import { readSmall } from "../vault/documents/read-small.ts";
import { newVaultDocument, openVault } from "../vault/documents/vault.ts";
import { instructionsKey, vaultKey } from "../vault/layout.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { findInstructionsProblem, writeInstructions } from "./export/vault-instructions.ts";
import { recoverVaultId } from "./opening/recover-vault-id.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** What is kept of a changed file: its text has some kilobytes. */
const maxKeptBytes = 1024 * 1024;

/**
 * Repairs holdfast.json (only where a vault is, and never one of a newer Holdfast) and RESTORE.md.
 * Resolves with what was done; nothing, when there was nothing to do. Errors: those of
 * recoverVaultId, those of openVault that no writing repairs, those of ObjectStore.
 */
export async function repairVault(context: PipelineContext, store: ObjectStore): Promise<readonly Finding[]> {
  const done: Finding[] = [];
  try {
    await openVault(store);
  } catch (error) {
    if (isHoldfastError(error, "VaultNotFound")) return [];
    if (!isHoldfastError(error, "VaultDamaged")) throw error;
    const { clock, randomBytes } = context.run;
    const { holdfastVersion } = context;
    const vaultId = await recoverVaultId(context, store);
    const given = { vaultId };
    await store.put(
      vaultKey,
      newVaultDocument({ clock, randomBytes, holdfastVersion, ...given }),
      documentLock(store, clock.now()),
    );
    const id = vaultId === undefined ? "with a new id: no backup is left" : "with the id that its backups are sealed for";
    done.push({ level: "ok", subject: "repair", message: `${vaultKey} was written anew, ${id}` });
  }
  if ((await findInstructionsProblem(context.engines, store)) === undefined) return done;
  const kept = await keepBeside(context, store, instructionsKey);
  const lock = documentLock(store, context.run.clock.now());
  await store.put(instructionsKey, Buffer.from(await writeInstructions(context.engines)), lock);
  done.push({
    level: "ok",
    subject: "repair",
    message: `${instructionsKey} was written anew${kept === undefined ? "" : `; what was there is kept as ${kept}`}`,
  });
  return done;
}

/** Copies an object to a name of its own; undefined when there is none. */
async function keepBeside({ run }: PipelineContext, store: ObjectStore, key: string): Promise<string | undefined> {
  try {
    const { bytes } = await readSmall(store, key, maxKeptBytes);
    const kept = `${key}.replaced-${run.clock.now().toISOString().replaceAll(/[-:.]/g, "")}`;
    await store.put(kept, bytes, { ifAbsent: true });
    return kept;
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    throw error;
  }
}
