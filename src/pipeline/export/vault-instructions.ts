/**
 * Whether the vault's RESTORE.md is what Holdfast wrote: somebody will paste its commands into a
 * shell on the worst day.
 */

import type { EngineRegistry } from "../../engines/engine-registry.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { isKnownInstructions } from "../../sealing/known-instructions.ts";
import { restoreInstructions } from "../../sealing/restore-instructions.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { instructionsKey } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

export interface InstructionsProblem {
  readonly message: string;
  readonly remedy: string;
}

/** The text has some kilobytes. */
const maxBytes = 1024 * 1024;

/** The text of RESTORE.md, with the chapters of all engines: a vault holds backups of many. */
export async function writeInstructions(engines: EngineRegistry): Promise<string> {
  const loaded = await Promise.all(engines.policies.map(({ name }) => engines.load(name)));
  return restoreInstructions(loaded.map(({ instructions }) => instructions));
}

/**
 * What is wrong with a vault's RESTORE.md, or undefined when it is this version's text or that of
 * an earlier one. Errors: those of ObjectStore.get.
 */
export async function findInstructionsProblem(
  engines: EngineRegistry,
  store: ObjectStore,
): Promise<InstructionsProblem | undefined> {
  const remedy = `Do not run its commands. Move the file out of the vault and look who wrote it, then run \`holdfast check --repair\`, which writes it anew.`;
  try {
    const { bytes } = await readSmall(store, instructionsKey, maxBytes);
    if (isKnownInstructions(bytes, await writeInstructions(engines))) return undefined;
    return { message: `${instructionsKey} in ${store.url} is not the text that Holdfast wrote: somebody changed it`, remedy };
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) {
      return {
        message: `${instructionsKey} in ${store.url} is missing`,
        remedy: "Run `holdfast check --repair`, which writes it anew.",
      };
    }
    if (isHoldfastError(error, "VaultInvalid")) return { message: error.message, remedy };
    throw error;
  }
}
