/** The vault as a whole: its beginning, and whether this Holdfast understands it. */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Clock } from "../../runtime/clock.ts";
import { auditPrefix, instructionsKey, vaultKey } from "../layout.ts";
import type { ObjectStore, PutOptions } from "../object-store.ts";
import { canonicalJson } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { instant, object, oneOf, type ShapeOf, text } from "./json-shape.ts";
import { documentLock } from "./lock-documents.ts";
import { maxSmallDocumentBytes, readDocument } from "./read-document.ts";
import { isVaultId, newVaultId } from "./vault-id.ts";

export interface VaultOptions {
  readonly clock: Clock;
  /** What a new vault's id is drawn from. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** The id, where the vault is the copy of one: what is copied into it is sealed for that id. */
  readonly vaultId?: string | undefined;
  readonly holdfastVersion: string;
  /** Gives the text of RESTORE.md, which sealing writes; asked for a new vault only. */
  readonly restoreInstructions: () => Promise<string>;
}

/** AES-256-GCM with HKDF and key commitment, unsigned (design, "Sealing"). */
const sealingSuite = "0x0478";

const wayBack =
  "Find out who deleted it, bring it back from a copy or the bucket's older versions, or run `holdfast check --repair`, which writes it anew; backups are not made until then.";
/** A repair writes over nothing: it may be what a newer Holdfast wrote. */
const wayAround =
  "Find out who changed it, and bring it back from a copy or the bucket's older versions; or move it out of the vault and run `holdfast check --repair`, which writes it anew.";

const vaultShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    createdAt: instant,
    createdBy: text(),
    /** Random, written once: every seal of this vault names it (vault-id.ts). */
    vaultId: text("a vault's id", isVaultId),
    /** The AWS Encryption SDK's algorithm suite of every artifact. */
    sealingSuite: oneOf(sealingSuite),
  },
});

/** holdfast.json. */
export type VaultDocument = ShapeOf<typeof vaultShape>;

/**
 * Makes the place a vault, or finds that it is one already; idempotent, also for several at once.
 * The instructions are written first: a vault never exists without them. Never over what is left of
 * a vault. Errors: those of openVault but VaultNotFound.
 */
export async function initVault(store: ObjectStore, options: VaultOptions): Promise<VaultDocument> {
  try {
    return await openVault(store);
  } catch (error) {
    if (!isHoldfastError(error, "VaultNotFound")) throw error;
  }
  const lock = documentLock(store, options.clock.now());
  await putUnlessThere(store, instructionsKey, Buffer.from(await options.restoreInstructions()), lock);
  await putUnlessThere(store, vaultKey, newVaultDocument(options), lock);
  return openVault(store);
}

/** The bytes of a holdfast.json that is written now. */
export function newVaultDocument(options: Omit<VaultOptions, "restoreInstructions">): Uint8Array {
  const { clock, holdfastVersion, vaultId = newVaultId(options.randomBytes) } = options;
  const createdAt = clock.now().toISOString();
  const document: VaultDocument = { formatVersion, createdAt, createdBy: `holdfast ${holdfastVersion}`, vaultId, sealingSuite };
  return canonicalJson(document);
}

/**
 * Reads holdfast.json. Errors: VaultNotFound (nothing of a vault is there), VaultDamaged (its
 * holdfast.json is lost), VaultInvalid (it cannot be read, or is of a newer Holdfast), those of
 * ObjectStore.
 */
export async function openVault(store: ObjectStore): Promise<VaultDocument> {
  const options = {
    name: "vault",
    shape: vaultShape,
    error: "VaultInvalid",
    hint: wayAround,
    maxBytes: maxSmallDocumentBytes,
  } as const;
  try {
    return (await readDocument(store, vaultKey, options)).value;
  } catch (error) {
    if (!isHoldfastError(error, "ObjectNotFound")) throw error;
    const remains = await findRemains(store);
    if (remains === undefined) throw new HoldfastError("VaultNotFound", `${store.url} holds no vault`);
    throw new HoldfastError("VaultDamaged", `${store.url} is a damaged vault: it has no ${vaultKey}, but ${remains}`, {
      hint: wayBack,
    });
  }
}

/**
 * What shows that there was a vault: an object under one of its prefixes, or a holdfast.json that
 * the store keeps behind a deletion.
 */
async function findRemains(store: ObjectStore): Promise<string | undefined> {
  for (const prefix of ["manifests/", "artifacts/", "evidence/", "holds/", "tombstones/", auditPrefix, "erasures/"]) {
    for await (const { key } of store.list(prefix)) return `it has ${key}`;
  }
  try {
    for await (const { key, hiddenAt } of store.listHidden(vaultKey)) {
      if (key === vaultKey) return `one that was deleted at ${hiddenAt.toISOString()} is still in the bucket's older versions`;
    }
  } catch (error) {
    // Who may not list versions learns nothing from them.
    if (!isHoldfastError(error, "StoreAccessDenied")) throw error;
  }
  return undefined;
}

async function putUnlessThere(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  lock: Pick<PutOptions, "retainUntil">,
): Promise<void> {
  try {
    await store.put(key, bytes, { ...lock, ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
  }
}
