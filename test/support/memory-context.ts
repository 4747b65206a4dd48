/** As much of a pipeline as the parts of a step need that work on a vault in memory. */
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import type { Vault } from "../../src/vault/vault.ts";
import type { MemoryStore } from "./memory-store.ts";
import { memoryKeys, type TestSealing } from "./sealed-backups.ts";
import { signedVault, testVaultId } from "./signed-vault.ts";

/** How the backups of a vault in memory are sealed. */
export const memorySealing: TestSealing = { keys: memoryKeys(7), vaultId: testVaultId };

export interface MemoryContextOptions {
  readonly now?: Date;
  readonly signal?: AbortSignal;
  readonly keys?: SealingKeys;
}

/** A context whose policy has one key and no source, and what its log is told. */
export function makeMemoryContext({ now, signal, keys = memorySealing.keys }: MemoryContextOptions = {}) {
  const warnings: string[] = [];
  const run = {
    clock: { now: () => now ?? new Date("2026-12-01T00:00:00Z"), monotonicMs: () => 0 },
    signal: signal ?? new AbortController().signal,
    log: { info: () => undefined, warn: (message: string) => void warnings.push(message) },
    progress: { phase: () => undefined, advance: () => undefined },
  };
  const policy = { sources: {}, keys: { main: {} }, timezone: "UTC" };
  const context = { policy, run, keysOf: async () => keys, authenticManifests: new Set(), histories: new Map() };
  return { context: context as unknown as PipelineContext, warnings };
}

/** The vault that `store` is, as a step has it. */
export function memoryVault<S extends Vault["store"] = MemoryStore>(store: S): Vault & { readonly store: S } {
  return { ...signedVault(store), name: "main", config: { type: "folder", path: "/" } as unknown as Vault["config"], state: store };
}
