/** The vault as a whole: its beginning, and whether this Holdfast understands it. */
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { Clock } from "../runtime/clock.ts";
import { canonicalJson } from "./canonical-json.ts";
import { assertKnownVersion, formatVersion } from "./format-version.ts";
import { instant, object, oneOf, text } from "./json-shape.ts";
import { instructionsKey, vaultKey } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";
import { readSmall } from "./read-small.ts";

/** holdfast.json. */
export interface VaultDocument {
  readonly formatVersion: 1;
  readonly createdAt: string;
  readonly createdBy: string;
  /** The AWS Encryption SDK's algorithm suite of every artifact. */
  readonly sealingSuite: string;
}

export interface VaultOptions {
  readonly clock: Clock;
  readonly holdfastVersion: string;
  /** The text of RESTORE.md, which the sealing room writes. */
  readonly restoreInstructions: string;
}

/** AES-256-GCM with HKDF and key commitment, unsigned (design, "Sealing"). */
const sealingSuite = "0x0478";

const vaultShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    createdAt: instant,
    createdBy: text(),
    sealingSuite: oneOf(sealingSuite),
  },
});

/**
 * Makes the place a vault, or finds that it is one already; idempotent, also for several at once. The instructions are written first: a
 * vault never exists without them. Errors: VaultInvalid (a vault of a newer Holdfast), those of ObjectStore.
 */
export async function initVault(store: ObjectStore, options: VaultOptions): Promise<VaultDocument> {
  try {
    return await openVault(store);
  } catch (error) {
    if (!isHoldfastError(error, "VaultNotFound")) throw error;
  }
  const document: VaultDocument = {
    formatVersion,
    createdAt: options.clock.now().toISOString(),
    createdBy: `holdfast ${options.holdfastVersion}`,
    sealingSuite,
  };
  await putUnlessThere(store, instructionsKey, Buffer.from(options.restoreInstructions));
  await putUnlessThere(store, vaultKey, canonicalJson(document));
  return openVault(store);
}

/** Reads holdfast.json. Errors: VaultNotFound, VaultInvalid (not readable, or of a newer Holdfast), those of ObjectStore. */
export async function openVault(store: ObjectStore): Promise<VaultDocument> {
  const where = `${vaultKey} in ${store.url}`;
  let bytes: Uint8Array;
  try {
    ({ bytes } = await readSmall(store, vaultKey));
  } catch (error) {
    if (!isHoldfastError(error, "ObjectNotFound")) throw error;
    throw new HoldfastError("VaultNotFound", `${store.url} holds no vault`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw new HoldfastError("VaultInvalid", `${where} is not JSON`, { cause: error });
  }
  assertKnownVersion(value, where);
  const problem = vaultShape(value, "vault");
  if (problem !== undefined) throw new HoldfastError("VaultInvalid", `${where} breaks the format: ${problem}`);
  return value as VaultDocument;
}

async function putUnlessThere(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  try {
    await store.put(key, bytes, { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
  }
}
