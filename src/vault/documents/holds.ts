/** Legal holds: what no retention may delete. Format: docs/vault-format.md, "Holds". */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { describeLock, holdBackup } from "../backup-lock.ts";
import { isBackupId, isSourceName, keyOf, parseDocumentKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { canonicalJson } from "./canonical-json.ts";
import { assertKnownVersion, formatVersion } from "./format-version.ts";
import { listHiddenHolds } from "./hidden-documents.ts";
import { instant, object, oneOf, text } from "./json-shape.ts";
import { maxSmallDocumentBytes, readDocument } from "./read-document.ts";

export interface Hold {
  readonly formatVersion: 2;
  readonly source: string;
  readonly backupId: string;
  /** Who asked for it. */
  readonly by: string;
  readonly reason: string;
  /** ISO 8601 with milliseconds, UTC. */
  readonly at: string;
}

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
    by: filled("a name"),
    reason: filled("a reason"),
    at: instant,
  },
});

/**
 * Puts a backup on hold, and its objects under the store's legal hold where the vault locks; what
 * was broken off half-way is completed by asking again. Errors: BackupNotFound, HoldActive (it
 * already is, by whom and why), UsageInvalid (no reason), those of ObjectStore.
 */
export async function addHold(store: ObjectStore, hold: Hold): Promise<void> {
  const problem = holdShape(hold, "hold");
  if (problem !== undefined) throw new HoldfastError("UsageInvalid", `this cannot be a hold: ${problem}`);
  const { source, backupId } = hold;
  const isThere = async (): Promise<boolean> => (await store.head(keyOf.manifest(source, backupId))) !== undefined;
  const gone = () => new HoldfastError("BackupNotFound", `source "${source}" has no backup ${backupId} in ${store.url}`);
  if (!(await isThere())) throw gone();
  const holdObjects = async (on: boolean): Promise<void> => {
    if (!store.locks) return;
    await holdBackup(store, source, backupId, on);
    // The hold itself comes last: it goes with the store's own, and says that all are under it.
    await holdDocument(store, source, backupId, on);
  };
  try {
    await createHold(store, hold);
  } catch (error) {
    // The run that held it may have died before it was done.
    if (isHoldfastError(error, "HoldActive")) await holdObjects(true);
    throw error;
  }
  await holdObjects(true);
  // A prune that did not see the hold has deleted the manifest by now: then there is nothing left
  // to hold, and that must be said.
  if (await isThere()) return;
  await holdObjects(false);
  await store.delete(keyOf.hold(source, backupId));
  throw gone();
}

/**
 * Puts the record of a hold under the store's legal hold, or lifts it; nothing where there is no
 * record. Errors: those of ObjectStore.
 */
export async function holdDocument(store: ObjectStore, source: string, id: string, on: boolean): Promise<void> {
  try {
    await store.legalHold(keyOf.hold(source, id), on);
  } catch (error) {
    if (!isHoldfastError(error, "ObjectNotFound")) throw error;
  }
}

async function createHold(store: ObjectStore, hold: Hold): Promise<void> {
  const { source, backupId } = hold;
  const key = keyOf.hold(source, backupId);
  try {
    await store.put(key, canonicalJson(hold), { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    // versitygw refuses a conditional write where the newest version is a delete marker, which is
    // where a hold was removed.
    if ((await store.head(key)) === undefined) {
      await store.put(key, canonicalJson(hold));
      return;
    }
    const active = await readHold(store, key);
    throw new HoldfastError(
      "HoldActive",
      `${backupId} of "${source}" is held already, by ${active.by} since ${active.at}: ${active.reason}`,
    );
  }
}

/**
 * Lifts a hold, the store's own first: as long as one is left, the hold stands here too. All
 * versions of its record go: what somebody only hid still holds. Errors: BackupNotFound when there
 * is none, HoldActive when the record cannot be deleted, those of ObjectStore.
 */
export async function removeHold(store: ObjectStore, source: string, id: string): Promise<void> {
  const key = keyOf.hold(source, id);
  if ((await store.head(key)) === undefined && !(await isHidden(store, key))) {
    throw new HoldfastError("BackupNotFound", `${id} of "${source}" is not on hold in ${store.url}`, {
      hint: "See what is held with `holdfast hold list`.",
    });
  }
  if (store.locks) {
    await holdBackup(store, source, id, false);
    await holdDocument(store, source, id, false);
  }
  const lock = await store.delete(key);
  if (lock === undefined) return;
  throw new HoldfastError(
    "HoldActive",
    `the hold on ${id} of "${source}" cannot be removed: ${key} in ${store.url} is ${describeLock(lock)}`,
    {
      hint: "A version of it is locked that Holdfast did not lock: see the bucket's versions of that key.",
    },
  );
}

async function isHidden(store: ObjectStore, key: string): Promise<boolean> {
  for await (const hidden of store.listHidden(key)) if (hidden.key === key) return true;
  return false;
}

/**
 * Whether a backup is held. By the key alone, whatever the object says; what stands in a hold's way
 * (a link, a pipe) holds too, and keeps nobody from reading the backup. Errors: those of
 * ObjectStore.head.
 */
export async function isHeld(store: ObjectStore, source: string, id: string): Promise<boolean> {
  try {
    return (await store.head(keyOf.hold(source, id))) !== undefined;
  } catch (error) {
    if (isHoldfastError(error, "VaultInvalid")) return true;
    throw error;
  }
}

/**
 * All holds, or those of one source, by source and id, and then those that a store only hides; one
 * that cannot be read holds as well as any. Errors: those of ObjectStore.
 */
export async function* listHolds(store: ObjectStore, source?: string): AsyncGenerator<Hold | UnreadableHold, void, undefined> {
  for await (const { key } of store.list(source === undefined ? "holds/" : `holds/${source}/`, { includeOdd: true })) {
    const place = parseDocumentKey(key);
    if (place === undefined) continue;
    try {
      yield await readHold(store, key);
    } catch (error) {
      // Lifted since it was listed.
      if (isHoldfastError(error, "ObjectNotFound")) continue;
      if (!isHoldfastError(error, "VaultInvalid", "StoreAccessDenied")) throw error;
      yield { source: place.source, backupId: place.id, problem: error.message };
    }
  }
  for await (const { source: of, id, hiddenAt } of listHiddenHolds(store, source)) {
    yield { source: of, backupId: id, problem: `deleted at ${hiddenAt.toISOString()} outside Holdfast; the bucket still has it` };
  }
}

/**
 * A hold that cannot be read is an error, never no hold; the catalogue counts the backup as held by
 * its key alone.
 */
async function readHold(store: ObjectStore, key: string): Promise<Hold> {
  const { value, where } = await readDocument(store, key, { error: "VaultInvalid", maxBytes: maxSmallDocumentBytes });
  assertKnownVersion(value, where);
  const problem = holdShape(value, "hold");
  if (problem !== undefined) throw new HoldfastError("VaultInvalid", `${where} breaks the format: ${problem}`);
  const hold = value as Hold;
  if (key !== keyOf.hold(hold.source, hold.backupId)) {
    throw new HoldfastError("VaultInvalid", `${where} is a hold on ${hold.backupId} of source "${hold.source}"`);
  }
  return hold;
}
