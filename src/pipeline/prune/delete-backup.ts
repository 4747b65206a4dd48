/**
 * Deletes one backup, unless somebody wants it at the last moment. Order of deletes:
 * docs/vault-format.md.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Signer } from "../../proof/statement.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { describeLock } from "../../vault/backup-lock.ts";
import { isHeld } from "../../vault/documents/holds.ts";
import { type Manifest, readManifest, removeManifest } from "../../vault/documents/manifest.ts";
import { describeReader, isActiveMark, listReadMarks } from "../../vault/documents/read-marks.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { listTombstones, removeTombstones, writeTombstone } from "../../vault/documents/tombstones.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { Vault } from "../../vault/vault.ts";
import type { ReusedArtifacts } from "./reused-artifacts.ts";

/** A vault with its read marks, and what a deletion needs beside it. */
export interface DeletionPlaces {
  readonly vault: Pick<Vault, "id" | "store" | "state" | "verifier">;
  /** Signs tombstones; asked for when there is something to delete. */
  readonly signer: () => Promise<Signer>;
  readonly holdfastVersion: string;
  /** What the source's other backups name: it stays. */
  readonly reused: ReusedArtifacts;
}

/** One backup that retention released, and why. */
export interface Deletion {
  readonly source: string;
  readonly id: string;
  readonly reasons: readonly string[];
}

/**
 * Deletes one backup; resolves with why it stayed where it did: it is locked, was put on hold, or
 * somebody began to read it, since it was planned. The manifest goes before the second look,
 * because a reader marks before it reads the manifest (read-marks.ts), and a hold's writer looks
 * for the manifest after the hold was written. Before anything goes, a tombstone says that this is
 * meant. To be called under all of the source's leases. Errors: those of ObjectStore.
 */
export async function deleteBackup(
  run: RunContext,
  places: DeletionPlaces,
  { source, id, reasons }: Deletion,
): Promise<string | undefined> {
  const { vault, holdfastVersion } = places;
  const { store } = vault;
  const reason = await findReason(run, places, source, id);
  if (reason !== undefined) return reason;
  const key = keyOf.manifest(source, id);
  const { bytes } = await readSmall(store, key);
  const manifest = await readUnlessDamaged(store, source, id);
  const at = run.clock.now().toISOString();
  const tombstone = { formatVersion: 2, source, backupId: id, at, by: run.identity, holdfastVersion, reasons } as const;
  await writeTombstone(vault, tombstone, await places.signer());
  const lock = await removeManifest(store, source, id);
  if (lock !== undefined) {
    await removeTombstones(store, source, id);
    return describeLock(lock);
  }
  const lateReason = await findReason(run, places, source, id);
  if (lateReason !== undefined) {
    await store.put(key, bytes, { ifAbsent: true });
    await removeTombstones(store, source, id);
    return lateReason;
  }
  places.reused.forget(id, manifest);
  // What other backups name, and what is locked longer than its manifest, stays for the sweep.
  const sealKey = keyOf.manifestSeal(source, id);
  const stays = (each: string): boolean => each === sealKey || places.reused.isNamed(each);
  await deleteObjects(run, store, keyOf.artifact(source, id, ""), stays);
  // With it and the evidence gone, what is left is what others name (list-deleted.ts).
  await deleteObjects(run, store, sealKey);
  // Evidence goes last: while anything of the backup is left, it says what that was.
  await deleteObjects(run, store, keyOf.evidencePrefix(source, id));
  return undefined;
}

/**
 * Takes the tombstones of backups that stay. They are those of a deletion that died before it
 * deleted anything, or were put there by somebody: with one, a manifest that is lost later would
 * pass for deleted on purpose, and what is left of its backup would be swept. Errors: those of
 * ObjectStore.
 */
export async function takeBackTombstones(
  { log, signal }: RunContext,
  store: ObjectStore,
  source: string,
  kept: ReadonlySet<string>,
): Promise<void> {
  const mistaken = new Set<string>();
  for await (const { id } of listTombstones(store, { source, signal })) if (kept.has(id)) mistaken.add(id);
  for (const id of mistaken) {
    log.warn(`${id} stays, but has a tombstone: a deletion died before it began, or somebody put it there; it is removed`);
    await removeTombstones(store, source, id);
  }
}

/**
 * What is no object of the vault's stays, for it is somebody else's: it must not stop what was
 * decided.
 */
async function deleteObjects(
  { log }: RunContext,
  store: ObjectStore,
  prefix: string,
  stays: (key: string) => boolean = () => false,
): Promise<void> {
  for await (const { key, odd } of store.list(prefix, { includeOdd: true })) {
    if (stays(key)) continue;
    if (odd === undefined) await store.delete(key);
    else log.warn(`${key} in ${store.url} is ${odd}: it was left there`);
  }
}

async function findReason(
  run: RunContext,
  { vault, reused }: DeletionPlaces,
  source: string,
  id: string,
): Promise<string | undefined> {
  const doubt = reused.findDoubt(id);
  if (doubt !== undefined) return doubt;
  if (await isHeld(vault, source, id)) return "held";
  for await (const mark of listReadMarks(vault.state, source, id)) {
    if (isActiveMark(mark, run.clock.now())) return `being read: ${await describeReader(vault.state, mark.key)}`;
  }
  return undefined;
}

/** A manifest that cannot be read was never counted among those that name anything. */
async function readUnlessDamaged(store: ObjectStore, source: string, id: string): Promise<Manifest | undefined> {
  try {
    return (await readManifest(store, source, id)).manifest;
  } catch (error) {
    if (isHoldfastError(error, "ManifestDamaged", "VaultInvalid")) return undefined;
    throw error;
  }
}
