/** One of the policy's vaults as a value: a step is given it, and looks nothing up by name. */
import type { VaultConfig } from "../policy/policy.ts";
import type { ObjectStore } from "./object-store.ts";

export interface Vault {
  /** Its name in the policy. */
  readonly name: string;
  readonly config: VaultConfig;
  /** What every seal of this vault names (documents/vault-id.ts). */
  readonly id: string;
  readonly store: ObjectStore;
  /** Where its leases and read marks are: its state bucket, or, without one, `store`. */
  readonly state: ObjectStore;
}
