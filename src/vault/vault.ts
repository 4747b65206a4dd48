/** One of the policy's vaults as a value: a step is given it, and looks nothing up by name. */
import type { VaultConfig } from "../policy/policy.ts";
import type { Verifier } from "../proof/statement.ts";
import type { ObjectStore } from "./object-store.ts";

/** As much of a vault as it takes to tell which of its signed documents count. */
export interface SignedVault {
  /** What every seal and every signature of this vault names (documents/vault-id.ts). */
  readonly id: string;
  readonly store: ObjectStore;
  /** Checks the signatures of the policy's keys. */
  readonly verifier: Verifier;
}

export interface Vault extends SignedVault {
  /** Its name in the policy. */
  readonly name: string;
  readonly config: VaultConfig;
  /** Where its leases and read marks are: its state bucket, or, without one, `store`. */
  readonly state: ObjectStore;
}
