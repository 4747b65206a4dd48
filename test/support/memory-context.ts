/** As much of a pipeline as the parts of a step need that work on a vault in memory. */
import type { Engine } from "../../src/engines/engine.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { SourceConfig } from "../../src/policy/policy.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import type { Vault } from "../../src/vault/vault.ts";
import type { MemoryStore } from "./memory-store.ts";
import { memoryKeys, type TestSealing } from "./sealed-backups.ts";
import { signedVault, testSigner, testVaultId } from "./signed-vault.ts";

/** How the backups of a vault in memory are sealed. */
export const memorySealing: TestSealing = { keys: memoryKeys(7), vaultId: testVaultId };

export interface MemoryContextOptions {
  readonly now?: Date;
  readonly signal?: AbortSignal;
  readonly keys?: SealingKeys;
  readonly source?: SourceConfig;
  readonly engine?: Engine;
}

/** A context whose policy has one key and one source at most, and what its log is told. */
export function makeMemoryContext({ now, signal, keys = memorySealing.keys, source, engine }: MemoryContextOptions = {}) {
  const warnings: string[] = [];
  const run = {
    clock: { now: () => now ?? new Date("2026-12-01T00:00:00Z"), monotonicMs: () => 0 },
    signal: signal ?? new AbortController().signal,
    log: { info: () => undefined, warn: (message: string) => void warnings.push(message) },
    progress: { phase: () => undefined, advance: () => undefined },
    identity: "host:1",
  };
  const policy = { sources: source === undefined ? {} : { [source.name]: source }, keys: { main: {} }, timezone: "UTC" };
  const context = {
    policy,
    run,
    holdfastVersion: "0",
    keysOf: async () => keys,
    signerOf: async () => testSigner,
    engineOf: async () => engine,
    authenticManifests: new Set(),
    histories: new Map(),
  };
  return { context: context as unknown as PipelineContext, warnings };
}

/** The vault that `store` is, as a step has it. */
export function memoryVault<S extends Vault["store"] = MemoryStore>(store: S): Vault & { readonly store: S } {
  return { ...signedVault(store), name: "main", config: { type: "folder", path: "/" } as unknown as Vault["config"], state: store };
}
