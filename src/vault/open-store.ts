/** Opens the store that a policy's vault names; loads only that one's code. */
import type { VaultConfig } from "../policy/policy.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/run-context.ts";
import type { ObjectStore } from "./object-store.ts";

export interface OpenStoreOptions {
  readonly clock: Clock;
  /** The run's: a store that does not answer is not waited for once it is aborted. */
  readonly signal?: AbortSignal;
  /** Where waiting for the store is reported. */
  readonly log?: Log;
}

/**
 * The store of a vault; nothing is asked of it yet. Errors: VaultInvalid (the address cannot be
 * right).
 */
export async function openStore(config: VaultConfig, options: OpenStoreOptions): Promise<ObjectStore> {
  if (config.type === "folder") {
    const { openFolderStore } = await import("./folder/store.ts");
    return openFolderStore(config.path, options);
  }
  const { openS3Store } = await import("./s3/store.ts");
  return openS3Store(config, options);
}
