/** Signatures without a policy: a key of the tests, and vaults whose documents it signs. */
import { createHash, sign as signBytes } from "node:crypto";
import { type Signer, type Statement, statementText, type Verifier } from "../../src/proof/statement.ts";
import { deriveSigningKey, fileSigner, publicKeyOf } from "../../src/sealing/file-signer.ts";
import { publicKeyVerifier } from "../../src/sealing/public-key.ts";
import type { CheckName } from "../../src/vault/backup-state.ts";
import { type Evidence, listEvidence, readEvidence } from "../../src/vault/documents/evidence.ts";
import { openVault } from "../../src/vault/documents/vault.ts";
import { formatStamp, keyOf, type SignedName } from "../../src/vault/layout.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import type { SignedVault } from "../../src/vault/vault.ts";

const secret = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

/** A signer of its own for each `byte`. */
export const signerOf = (byte: number): Signer => fileSigner(secret(byte));
export const testSigner = signerOf(7);

export function verifierOf(byte: number): Verifier {
  const verify = publicKeyVerifier(publicKeyOf(secret(byte)));
  return { verify: (message, signature) => (verify?.(message, signature) === true ? "genuine" : "forged") };
}
export const testVerifier = verifierOf(7);

/** As on a machine that has no public key. */
export const lackingVerifier = (lacking: NonNullable<Verifier["lacking"]>): Verifier => ({ verify: () => "unknown", lacking });

export const testVaultId = "0123456789abcdefghjkmnpqrs";

/** A store as a vault whose documents `testSigner` signs. */
export function signedVault<S extends ObjectStore>(store: S, id = testVaultId): SignedVault & { readonly store: S } {
  return { id, store, verifier: testVerifier };
}

/** Names of documents that were signed for a vault, whatever else becomes of their bytes. */
export function signedNames(vaultId = testVaultId, byte = 7) {
  const privateKey = deriveSigningKey(secret(byte));
  const sign = (named: Omit<Statement, "vaultId" | "sha256" | "stamp">, at: Date, bytes: Uint8Array): SignedName => {
    const sha256 = createHash("sha256").update(bytes).digest("base64url");
    const signature = signBytes(null, statementText({ ...named, vaultId, stamp: formatStamp(at, true), sha256 }), privateKey);
    return { sha256, signature: signature.toString("base64url") };
  };
  return {
    evidence: (source: string, backupId: string, at: Date, check: CheckName, bytes: Uint8Array = nothing): string =>
      keyOf.evidence(source, backupId, at, check, sign({ kind: "evidence", source, backupId, check }, at, bytes)),
    hold: (source: string, backupId: string, bytes: Uint8Array = nothing, at = noon): string =>
      keyOf.hold(source, backupId, at, sign({ kind: "hold", source, backupId }, at, bytes)),
    tombstone: (source: string, backupId: string, bytes: Uint8Array = nothing, at = noon): string =>
      keyOf.tombstone(source, backupId, at, sign({ kind: "tombstone", source, backupId }, at, bytes)),
  };
}

const nothing = new Uint8Array(0);
const noon = new Date("2026-11-20T12:00:00Z");
export const names = signedNames();

/** The newest evidence, or the newest of the named checks, whether it is signed or not. */
export async function newestEvidence(
  store: ObjectStore,
  source: string,
  id: string,
  ...checks: readonly CheckName[]
): Promise<Evidence | undefined> {
  const newest = (await listEvidence(store, source, id)).findLast(({ check }) => checks.length === 0 || checks.includes(check));
  return newest === undefined ? undefined : readEvidence(store, newest.key);
}

/** The id that a vault's own document has. */
export const idOf = async (store: ObjectStore): Promise<string> => (await openVault(store)).vaultId;
