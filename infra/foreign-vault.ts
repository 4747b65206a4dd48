/**
 * A vault that another account owns (ADR 0044): which account that is, as the policy's keys say,
 * and what the policy has to name, because a stack makes and looks up nothing there.
 */
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import type { Policy, S3Vault, VaultConfig } from "../src/policy/policy.ts";
import { readKeyName } from "./key-names.ts";

/**
 * The account of the policy's keys and vaults. Errors: PolicyInvalid, naming each line to change.
 */
export function readVaultAccount(policy: Policy): string {
  const keys = namedKeys(policy);
  const accounts = [...new Set(keys.flatMap(({ keyId }) => readKeyName(keyId).account ?? []))];
  const [account] = accounts;
  const ofVaults = Object.values(policy.vaults).flatMap((vault) => (vault.type === "s3" ? (vault.region ?? []) : []));
  const regions = [...new Set([...ofVaults, ...keys.flatMap(({ keyId }) => readKeyName(keyId).region ?? [])])];
  const problems = [
    ...Object.values(policy.vaults).flatMap((vault) => (vault.type === "s3" ? vaultProblems(vault) : [])),
    ...keys.filter(({ keyId }) => readKeyName(keyId).account === undefined).map(keyProblem),
    ...(accounts.length > 1 ? [`the keys are in ${accounts.length} accounts: ${accounts.join(", ")}`] : []),
    ...(regions.length > 1 ? [`vaults and keys are in ${regions.length} Regions: ${regions.join(", ")}`] : []),
  ];
  if (account !== undefined && problems.length === 0) return account;
  throw new HoldfastError("PolicyInvalid", "the policy does not say where a vault of another account is", {
    details: problems,
    hint: "Use the policy of the stack that owns the vault: docs/deploy.md, A vault in a second account.",
  });
}

/** The Region of such a policy's vaults. */
export function vaultRegion({ vaults }: Policy): string {
  const [region = ""] = Object.values(vaults).flatMap((vault) => (vault.type === "s3" ? (vault.region ?? []) : []));
  return region;
}

interface NamedKey {
  readonly what: string;
  readonly keyId: string;
}

function namedKeys({ keys }: Policy): NamedKey[] {
  return Object.values(keys).flatMap(({ name, keys: list }) =>
    list.flatMap((key) =>
      key.type === "kms"
        ? [
            { what: `key "${name}"`, keyId: key.keyId },
            ...(key.signing === undefined ? [] : [{ what: `the signing key of "${name}"`, keyId: key.signing.key }]),
          ]
        : [],
    ),
  );
}

function keyProblem({ what, keyId }: NamedKey): string {
  const rest = keyId.startsWith("alias/") ? keyId : `key/${keyId}`;
  return `${what} is ${keyId}, which every account may have; write arn:aws:kms:REGION:ACCOUNT:${rest}`;
}

function vaultProblems({ name, region, lock }: S3Vault & VaultConfig): string[] {
  return [
    ...(region === undefined ? [`vault "${name}" has no region; write region: REGION`] : []),
    ...(lock === undefined ? [`vault "${name}" does not lock; write lock: and state:`] : []),
  ];
}
