/**
 * What every step works with: the policy, the run, and the stores, keys and engines that the policy
 * names.
 */

import type { Engine } from "../engines/engine.ts";
import { builtInEngines, type EngineRegistry } from "../engines/engine-registry.ts";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";

import { nearestName } from "../policy/nearest-name.ts";
import type { Policy, SourceConfig, VaultConfig } from "../policy/policy.ts";
import { findSource } from "../policy/safety-series.ts";
import type { Signer, Verifier } from "../proof/statement.ts";
import type { RunContext } from "../runtime/run-context.ts";
import type { SealingKeys } from "../sealing/keys.ts";
import type { Evidence } from "../vault/documents/evidence.ts";
import { openVault } from "../vault/documents/vault.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import type { Vault } from "../vault/vault.ts";
import type { Histories } from "./catalogue/histories.ts";
import { listOwnPaths } from "./own-paths.ts";

export interface PipelineContext {
  readonly policy: Policy;
  readonly run: RunContext;
  readonly holdfastVersion: string;
  readonly engines: EngineRegistry;
  /** The engine that knows this source. */
  engineOf(name: string): Promise<Engine>;
  /** The store of one of the policy's vaults, opened once. */
  storeOf(vaultName: string): Promise<ObjectStore>;
  /**
   * Where a vault's leases and read marks are: its state bucket, or, without one, the vault's own
   * store.
   */
  stateStoreOf(vaultName: string): Promise<ObjectStore>;
  /**
   * One of the policy's vaults; its holdfast.json is read once a run. Errors: those of openVault.
   */
  vaultOf(vaultName: string): Promise<Vault>;
  /** One of the policy's key sets, opened once. */
  keysOf(keyName: string): Promise<SealingKeys>;
  /**
   * What signs a source's evidence, holds and tombstones: its key, or the policy's first where the
   * policy no longer names the source. Errors: KeyUnavailable, KeyFileInvalid.
   */
  signerOf(sourceName: string): Promise<Signer>;
  /** What checks the signatures of all keys of the policy; opened once. */
  verifier(): Promise<Verifier>;
  /** Manifests that this run found to be made with the vault's key (authentic-manifest.ts). */
  readonly authenticManifests: Set<string>;
  /** The sources' histories that this run has listed (source-history.ts). */
  readonly histories: Histories;
  /**
   * For runs that execute code of a backup and must not be able to sign: gives evidence to a run
   * that may record it (record-handed-over.ts). Absent: this run records by itself. Errors: those
   * of ObjectStore.put.
   */
  readonly handOver?: ((evidence: Evidence) => Promise<void>) | undefined;
  /** Releases what was opened. */
  close(): void;
}

/**
 * A context whose modules are loaded when they are first needed: a listing loads neither an engine
 * nor a cloud SDK.
 */
export function createPipelineContext(
  policy: Policy,
  given: RunContext,
  holdfastVersion: string,
  engines: EngineRegistry = builtInEngines,
): PipelineContext {
  const run: RunContext = { ...given, ownPaths: listOwnPaths(policy) };
  const stores = new Map<string, Promise<ObjectStore>>();
  const keys = new Map<string, Promise<SealingKeys>>();
  const vaultIds = new Map<string, string>();
  const signers = new Map<string, Promise<Signer>>();
  let verifier: Promise<Verifier> | undefined;
  return {
    policy,
    run,
    holdfastVersion,
    engines,
    engineOf: (name) => engines.load(name),
    storeOf: (name) => getOrOpen(stores, name, () => openNamedStore(policy, run, name)),
    stateStoreOf(name) {
      const state = stateOf(policy, name);
      if (state === undefined) return this.storeOf(name);
      // No vault's name has a space (schema-terms.ts).
      return getOrOpen(stores, `state of ${name}`, async () => (await import("../vault/open-store.ts")).openStore(state, run));
    },
    async vaultOf(name) {
      const [store, state] = [await this.storeOf(name), await this.stateStoreOf(name)];
      const id = vaultIds.get(name) ?? (await openVault(store)).vaultId;
      vaultIds.set(name, id);
      return { name, config: requireVault(policy, name), id, store, state, verifier: await this.verifier() };
    },
    authenticManifests: new Set(),
    histories: new Map(),
    keysOf: (name) => getOrOpen(keys, name, () => openNamedKeys(policy, name)),
    signerOf(name) {
      const key = findSource(policy, name)?.key ?? Object.keys(policy.keys)[0] ?? "";
      return getOrOpen(signers, key, () => openNamedSigner(policy, key));
    },
    verifier() {
      verifier ??= import("../sealing/signing.ts").then(({ openVerifier }) => openVerifier(Object.values(policy.keys)));
      return verifier;
    },
    close() {
      for (const store of stores.values()) {
        store.then(
          (opened) => opened.close(),
          () => undefined, // The caller who asked for the store already knows why it did not open.
        );
      }
    },
  };
}

/**
 * The source's part of the policy. Errors: SourceNotFound, which names the nearest source and all
 * there are.
 */
export function requireSource(policy: Policy, name: string): SourceConfig {
  const source = findSource(policy, name);
  if (source === undefined) {
    const known = Object.keys(policy.sources);
    const nearest = nearestName(name, known);
    const meant = nearest === undefined ? "" : `Did you mean "${nearest}"? `;
    throw new HoldfastError("SourceNotFound", `the policy has no source "${name}"`, {
      hint: `${meant}Name one of: ${known.join(", ")}.`,
    });
  }
  return source;
}

/** The vault, or undefined for one that was never written to. Errors: those of openVault. */
export async function findVault(context: PipelineContext, vaultName: string): Promise<Vault | undefined> {
  try {
    return await context.vaultOf(vaultName);
  } catch (error) {
    if (isHoldfastError(error, "VaultNotFound")) return undefined;
    throw error;
  }
}

function getOrOpen<T>(opened: Map<string, Promise<T>>, name: string, open: () => Promise<T>): Promise<T> {
  let value = opened.get(name);
  if (value === undefined) {
    value = open();
    opened.set(name, value);
  }
  return value;
}

/** A vault's state bucket as a vault of its own: on the same server, and never locked. */
function stateOf(policy: Policy, name: string): VaultConfig | undefined {
  const vault = policy.vaults[name];
  if (vault?.type !== "s3" || vault.state === undefined) return undefined;
  const { lock: _lock, state, tiers: _tiers, ...rest } = vault;
  return { ...rest, ...state };
}

async function openNamedStore(policy: Policy, run: RunContext, name: string): Promise<ObjectStore> {
  const { openStore } = await import("../vault/open-store.ts");
  return openStore(requireVault(policy, name), run);
}

function requireVault(policy: Policy, name: string): VaultConfig {
  const config = policy.vaults[name];
  if (config === undefined) throw new HoldfastError("VaultNotFound", `the policy has no vault "${name}"`);
  return config;
}

async function openNamedSigner(policy: Policy, name: string): Promise<Signer> {
  const config = policy.keys[name];
  if (config === undefined) throw new HoldfastError("KeyUnavailable", `the policy has no key "${name}"`);
  const { openSigner } = await import("../sealing/signing.ts");
  return openSigner(config);
}

async function openNamedKeys(policy: Policy, name: string): Promise<SealingKeys> {
  const config = policy.keys[name];
  if (config === undefined) throw new HoldfastError("KeyUnavailable", `the policy has no key "${name}"`);
  const { openKeys } = await import("../sealing/keys.ts");
  return openKeys(config);
}
