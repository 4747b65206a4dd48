/** Everything of a vault that lies below a deletion or a newer write, by what it is. */

import {
  type BackupPlace,
  digestKeyName,
  instructionsKey,
  manifestSealName,
  parseArtifactKey,
  parseAuditKey,
  parseDocumentKey,
  parseErasureKey,
  parseEvidenceKey,
  parseHoldKey,
  parseTombstoneKey,
  type SignedKey,
  vaultKey,
} from "../../vault/layout.ts";
import type { ObjectStore, ObjectVersions } from "../../vault/object-store.ts";
import { readVersions } from "../../vault/undelete/bring-back.ts";
import { groupVersions, hidesContent, type VersionedObject } from "../../vault/undelete/choose-version.ts";

/** A store whose older versions can be asked for. */
export interface VersionedStore {
  readonly store: ObjectStore;
  readonly versions: ObjectVersions;
}

/** What a key is in the vault. */
export type Kind =
  | "vault"
  | "instructions"
  | "audit"
  | "erasure"
  | "tombstone"
  | "hold"
  | "evidence"
  | "seal"
  | "digest key"
  | "artifact"
  | "manifest";

export interface HiddenObject extends VersionedObject {
  readonly kind: Kind;
  /** The backup that it belongs to, or that stored it. */
  readonly place?: BackupPlace;
  /** Of what carries a signature in its name. */
  readonly name?: SignedKey;
}

/**
 * The hidden objects of the vault, or of one source with what belongs to no source, by ascending
 * key. Leases, probes and what others put there are no part of it. Errors: those of
 * ObjectVersions.list.
 */
export async function* listHiddenObjects(
  { versions }: VersionedStore,
  source: string | undefined,
): AsyncGenerator<HiddenObject, void, undefined> {
  const rooms = ["artifacts", "erasures", "evidence", "holds", "manifests", "tombstones"];
  const prefixes =
    source === undefined ? [""] : [vaultKey, instructionsKey, "audit/", ...rooms.map((room) => `${room}/${source}/`)];
  for (const prefix of prefixes) {
    for await (const object of groupVersions(versions.list(prefix))) {
      const known = hidesContent(object) ? identify(object.key) : undefined;
      if (known !== undefined) yield { ...object, ...known };
    }
  }
}

function identify(key: string): Pick<HiddenObject, "kind" | "place" | "name"> | undefined {
  if (key === vaultKey) return { kind: "vault" };
  if (key === instructionsKey) return { kind: "instructions" };
  if (parseAuditKey(key) !== undefined) return { kind: "audit" };
  if (parseErasureKey(key) !== undefined) return { kind: "erasure" };
  if (key.startsWith("manifests/")) return placed("manifest", parseDocumentKey(key));
  if (key.startsWith("evidence/")) return signed("evidence", parseEvidenceKey(key));
  if (key.startsWith("holds/")) return signed("hold", parseHoldKey(key));
  if (key.startsWith("tombstones/")) return signed("tombstone", parseTombstoneKey(key));
  const artifact = parseArtifactKey(key);
  if (artifact === undefined) return undefined;
  const kinds: Readonly<Record<string, Kind>> = { [manifestSealName]: "seal", [digestKeyName]: "digest key" };
  return placed(kinds[artifact.name] ?? "artifact", artifact);
}

function placed(kind: Kind, place: BackupPlace | undefined): Pick<HiddenObject, "kind" | "place"> | undefined {
  return place === undefined ? undefined : { kind, place: { source: place.source, id: place.id } };
}

function signed(kind: Kind, name: SignedKey | undefined): Pick<HiddenObject, "kind" | "place" | "name"> | undefined {
  return name === undefined ? undefined : { kind, place: { source: name.source, id: name.id }, name };
}

/** The hidden objects of a run by key, and the versions of any other key, asked for once. */
export function openHistories({ versions }: VersionedStore, hidden: readonly HiddenObject[]) {
  const known = new Map<string, VersionedObject>(hidden.map((object) => [object.key, object]));
  return async (key: string): Promise<VersionedObject> => {
    const found = known.get(key) ?? (await readVersions(versions, key));
    known.set(key, found);
    return found;
  };
}

/**
 * The store with its versions. Errors: StoreAccessDenied or VaultInvalid where they cannot be
 * listed.
 */
export async function requireVersions(store: ObjectStore): Promise<VersionedStore | undefined> {
  const { versions } = store;
  if (versions === undefined || (await versions.areKept()) === false) return undefined;
  return { store, versions };
}
