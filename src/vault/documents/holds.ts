/** Legal holds: what no retention may delete. Format: docs/vault-format.md, "Holds". */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Signer } from "../../proof/statement.ts";
import { describeLock, holdBackup } from "../backup-lock.ts";
import { isBackupId, isSourceName, keyOf, parseHoldKey, type SignedKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { judgeName, matchesName, signDocument } from "../signed-documents.ts";
import type { SignedVault } from "../vault.ts";
import { canonicalJson } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { listHiddenHolds } from "./hidden-documents.ts";
import { instant, object, oneOf, type ShapeOf, text } from "./json-shape.ts";
import { maxSmallDocumentBytes, notSigned, readDocument } from "./read-document.ts";

/** A hold whose object says nothing: it holds all the same. */
export interface UnreadableHold {
  readonly source: string;
  readonly backupId: string;
  /** Why it cannot be read. */
  readonly problem: string;
}

const filled = (what: string) => text(what, (value) => value.trim() !== "");

const holdShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    source: text("a source's name", isSourceName),
    backupId: text("a backup's id", isBackupId),
    /** Who asked for it. */
    by: filled("a name"),
    reason: filled("a reason"),
    at: instant,
  },
});

export type Hold = ShapeOf<typeof holdShape>;

/**
 * Puts a backup on hold, and its objects under the store's legal hold where the vault locks; what
 * was broken off half-way is completed by asking again. Errors: BackupNotFound, HoldActive (it
 * already is, by whom and why), UsageInvalid (no reason), those of the signer and of ObjectStore.
 */
export async function addHold(vault: SignedVault, hold: Hold, signer: Signer): Promise<void> {
  const problem = holdShape(hold, "hold");
  if (problem !== undefined) throw new HoldfastError("UsageInvalid", `this cannot be a hold: ${problem}`);
  const { store } = vault;
  const { source, backupId } = hold;
  const isThere = async (): Promise<boolean> => (await store.head(keyOf.manifest(source, backupId))) !== undefined;
  const gone = () => new HoldfastError("BackupNotFound", `source "${source}" has no backup ${backupId} in ${store.url}`);
  if (!(await isThere())) throw gone();
  const holdObjects = async (on: boolean): Promise<void> => {
    await holdBackup(vault, source, backupId, on);
    // The hold itself comes last: it goes with the store's own, and says that all are under it.
    await lockHolds(vault, source, backupId, on);
  };
  const active = await findHold(vault, source, backupId);
  if (active !== undefined) {
    // The run that held it may have died before it was done.
    await holdObjects(true);
    throw await heldAlready(store, active);
  }
  const key = await createHold(vault, hold, signer);
  await holdObjects(true);
  // A prune that did not see the hold has deleted the manifest by now: then there is nothing left
  // to hold, and that must be said.
  if (await isThere()) return;
  await holdObjects(false);
  await store.delete(key);
  throw gone();
}

async function heldAlready(store: ObjectStore, name: SignedKey): Promise<HoldfastError> {
  const { source, id } = name;
  const { by, at, reason } = await readHold(store, name);
  return new HoldfastError("HoldActive", `${id} of "${source}" is held already, by ${by} since ${at}: ${reason}`);
}

/**
 * Puts the records of a backup's holds under the store's legal hold, or lifts it, of what is hidden
 * too; nothing where there is no record, and where the vault does not lock. Errors: those of
 * ObjectStore.
 */
export async function lockHolds(vault: SignedVault, source: string, id: string, on: boolean): Promise<void> {
  const { store } = vault;
  const { locks } = store;
  if (locks === undefined) return;
  const genuine = (await listHoldKeys(store, source, id)).filter((name) => judgeName(vault, name) !== "forged");
  const keys = new Set(genuine.map(({ key }) => key));
  if (!on) for await (const { key } of listHiddenHolds(vault, source, id)) keys.add(key);
  for (const key of keys) {
    try {
      await locks.legalHold(key, on);
    } catch (error) {
      if (!isHoldfastError(error, "ObjectNotFound")) throw error;
    }
  }
}

async function createHold(vault: SignedVault, hold: Hold, signer: Signer): Promise<string> {
  const { source, backupId: id } = hold;
  const at = new Date(hold.at);
  const bytes = canonicalJson(hold);
  const key = keyOf.hold(source, id, at, await signDocument(vault.id, signer, { kind: "hold", source, id, at }, bytes));
  try {
    await vault.store.put(key, bytes, { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    // versitygw refuses a conditional write where the newest version is a delete marker, which is
    // where a hold was removed.
    if ((await vault.store.head(key)) === undefined) await vault.store.put(key, bytes);
  }
  return key;
}

/**
 * Lifts a backup's holds, the store's own first: as long as one is left, the hold stands here too.
 * All of their records go, with all versions: what somebody only hid still holds, and what nobody
 * signed is of no use. Errors: BackupNotFound when there is none, HoldActive when a record cannot
 * be deleted, those of ObjectStore.
 */
export async function removeHold(vault: SignedVault, source: string, id: string): Promise<void> {
  const { store } = vault;
  const keys = new Set((await listHoldKeys(store, source, id)).map(({ key }) => key));
  for await (const { key } of listHiddenHolds(vault, source, id)) keys.add(key);
  if (keys.size === 0) {
    throw new HoldfastError("BackupNotFound", `${id} of "${source}" is not on hold in ${store.url}`, {
      hint: "See what is held with `holdfast hold list`.",
    });
  }
  await holdBackup(vault, source, id, false);
  await lockHolds(vault, source, id, false);
  for (const key of keys) {
    const lock = await store.delete(key);
    if (lock === undefined) continue;
    throw new HoldfastError(
      "HoldActive",
      `the hold on ${id} of "${source}" cannot be removed: ${key} in ${store.url} is ${describeLock(lock)}`,
      {
        hint: "A version of it is locked that Holdfast did not lock: see the bucket's versions of that key.",
      },
    );
  }
}

/**
 * The names of a backup's holds, signed or not; what stands in a hold's way (a link, a pipe) has
 * one, too. Errors: those of ObjectStore.list.
 */
export async function listHoldKeys(store: ObjectStore, source: string, id: string): Promise<SignedKey[]> {
  const found: SignedKey[] = [];
  for await (const { key } of store.list(keyOf.holdPrefix(source, id), { includeOdd: true })) {
    const name = parseHoldKey(key);
    if (name !== undefined) found.push(name);
  }
  return found;
}

/**
 * Whether a backup is held: by the signed name alone, whatever the object says. Where nobody can
 * tell whether it is signed, it holds. Errors: those of ObjectStore.list.
 */
export async function isHeld(vault: SignedVault, source: string, id: string): Promise<boolean> {
  return (await findHold(vault, source, id)) !== undefined;
}

async function findHold(vault: SignedVault, source: string, id: string): Promise<SignedKey | undefined> {
  return (await listHoldKeys(vault.store, source, id)).find((name) => judgeName(vault, name) !== "forged");
}

/**
 * All holds, or those of one source, by source and id, and then those that a store only hides; one
 * that cannot be read is a hold like any other. Errors: those of ObjectStore.
 */
export async function* listHolds(vault: SignedVault, source?: string): AsyncGenerator<Hold | UnreadableHold, void, undefined> {
  const { store } = vault;
  for await (const { key } of store.list(source === undefined ? "holds/" : `holds/${source}/`, { includeOdd: true })) {
    const name = parseHoldKey(key);
    if (name === undefined || judgeName(vault, name) === "forged") continue;
    try {
      yield await readHold(store, name);
    } catch (error) {
      // Lifted since it was listed.
      if (isHoldfastError(error, "ObjectNotFound")) continue;
      if (!isHoldfastError(error, "VaultInvalid", "StoreAccessDenied")) throw error;
      yield { source: name.source, backupId: name.id, problem: error.message };
    }
  }
  for await (const { source: of, id, hiddenAt } of listHiddenHolds(vault, source)) {
    yield { source: of, backupId: id, problem: `deleted at ${hiddenAt.toISOString()} outside Holdfast; the bucket still has it` };
  }
}

/**
 * A hold that cannot be read is an error, never no hold; the catalogue counts the backup as held by
 * its key alone.
 */
async function readHold(store: ObjectStore, name: SignedKey): Promise<Hold> {
  const { value: hold, where } = await readDocument(store, name.key, {
    name: "hold",
    shape: holdShape,
    bytesProblem: (bytes) => (matchesName(name, bytes) ? undefined : notSigned),
    error: "VaultInvalid",
    maxBytes: maxSmallDocumentBytes,
  });
  if (hold.source !== name.source || hold.backupId !== name.id || hold.at !== name.at) {
    throw new HoldfastError("VaultInvalid", `${where} is a hold on ${hold.backupId} of source "${hold.source}"`);
  }
  return hold;
}
