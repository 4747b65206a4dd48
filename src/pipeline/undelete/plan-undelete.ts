/**
 * What is hidden in a vault, what of it comes back, and why the rest stays where it is. Reads, and
 * changes nothing.
 */
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import { listEvidence } from "../../vault/documents/evidence.ts";
import { maxClockDifferenceMs } from "../../vault/documents/future.ts";
import { reusingKinds } from "../../vault/documents/reusing-kinds.ts";
import { listTombstones } from "../../vault/documents/tombstones.ts";
import { type BackupPlace, keyOf, parseBackupId, parseDocumentKey, type SignedKey, vaultKey } from "../../vault/layout.ts";
import { listRoom } from "../../vault/list-room.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import { judgeName } from "../../vault/signed-documents.ts";
import { chooseVersion, describeHiding, type VersionedObject, wasPruned } from "../../vault/undelete/choose-version.ts";
import { viewVersion } from "../../vault/undelete/version-view.ts";
import type { SignedVault } from "../../vault/vault.ts";
import { findInstructionsProblem } from "../export/vault-instructions.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { findVaultId } from "./find-vault-id.ts";
import { type HiddenObject, listHiddenObjects, openHistories, type VersionedStore } from "./hidden-objects.ts";
import { contentOf, type JudgedBackup, type JudgeOptions, judgeBackup, type StoredArtifact } from "./judge-backup.ts";
import { judgeArtifact, judgeAudit, judgeDigestKey, judgeErasure, judgeSigned } from "./judge-object.ts";
import { listReleases } from "./list-releases.ts";
import { type Selection, selectHidden } from "./select-hidden.ts";

/** Why an object stays as it is. */
export type LeftReason =
  /** What lies on top is what was written first. */
  | "current"
  | "pruned"
  | "released"
  /** The deletion that it announced was given up. */
  | "withdrawn"
  /** No version is genuine. */
  | "no-genuine-version"
  /** Nothing says what it should be: its backup has no genuine manifest, or none names it. */
  | "unnamed";

export interface PlannedObject {
  readonly object: HiddenObject;
  readonly by: "deletion" | "overwriting";
  readonly hiddenAt: Date;
  /** Of the version that comes back, or else of the newest content. */
  readonly bytes: number;
  readonly genuine: ReadonlySet<string>;
  /** Absent: it comes back. */
  readonly left?: LeftReason;
}

export interface UndeletePlan {
  readonly vault: SignedVault;
  readonly versioned: VersionedStore;
  /** In the order in which they come back. */
  readonly objects: readonly PlannedObject[];
  /** Of each backup without a genuine manifest, by `source/id`: why. */
  readonly problems: ReadonlyMap<string, string>;
}

/** The manifest last: a run that dies leaves what the next one finds. */
const order: readonly HiddenObject["kind"][] = [
  "vault",
  "instructions",
  "audit",
  "erasure",
  "tombstone",
  "hold",
  "artifact",
  "seal",
  "digest key",
  "evidence",
  "manifest",
];

const nameOf = ({ source, id }: BackupPlace): string => `${source}/${id}`;

/**
 * Plans what a selection brings back. Errors: those of findVaultId and selectHidden,
 * StoreAccessDenied where versions may not be listed or read, those of ObjectVersions.
 */
export async function planUndelete(
  context: PipelineContext,
  versioned: VersionedStore,
  selection: Selection,
): Promise<UndeletePlan> {
  const { signal } = context.run;
  const hidden: HiddenObject[] = [];
  for await (const object of listHiddenObjects(versioned, selection.source)) {
    signal.throwIfAborted();
    hidden.push(object);
  }
  const historyOf = openHistories(versioned, hidden);
  const document = await findVaultId(context, versioned, await historyOf(vaultKey));
  const vault: SignedVault = { id: document.vaultId, store: versioned.store, verifier: await context.verifier() };
  const judging: Judging = {
    ...versioned,
    context,
    vault,
    vaultId: vault.id,
    historyOf,
    hidden,
    ofBackup: groupByBackup(hidden),
    tombstonesOf: await listVisibleTombstones(versioned.store, hidden),
    document: document.genuine,
    pruned: selection.pruned,
  };
  const backups = await judgeBackups(judging);
  const selected = selectHidden(hidden, backups.judged, selection);
  const judged = { ...judging, ...backups, releases: await listReleases(context.run.clock.now(), vault, versioned, selected) };
  const objects = await mapInBatches(selected, (object) => planObject(judged, object), signal);
  const problems = new Map([...backups.judged].flatMap(([name, { problem }]) => (problem === undefined ? [] : [[name, problem]])));
  objects.sort((a, b) => order.indexOf(a.object.kind) - order.indexOf(b.object.kind));
  return { vault, versioned, objects, problems };
}

interface Judging extends JudgeOptions {
  readonly context: PipelineContext;
  readonly vault: SignedVault;
  readonly hidden: readonly HiddenObject[];
  /** The hidden objects of each backup, by `source/id`. */
  readonly ofBackup: ReadonlyMap<string, readonly HiddenObject[]>;
  readonly tombstonesOf: (place: BackupPlace) => readonly SignedKey[];
  /** The genuine versions of holdfast.json. */
  readonly document: ReadonlySet<string>;
  /** Whether what a prune deleted comes back as well. */
  readonly pruned: boolean;
}

interface Backups {
  readonly judged: ReadonlyMap<string, JudgedBackup>;
  /** Those that a prune deleted. */
  readonly released: ReadonlySet<string>;
  /** What must stand under an artifact's key, as the manifests say that stay or come back. */
  readonly named: ReadonlyMap<string, StoredArtifact>;
}

function groupByBackup(hidden: readonly HiddenObject[]): Map<string, HiddenObject[]> {
  const groups = new Map<string, HiddenObject[]>();
  for (const object of hidden) {
    if (object.place === undefined) continue;
    const group = groups.get(nameOf(object.place));
    if (group === undefined) groups.set(nameOf(object.place), [object]);
    else group.push(object);
  }
  return groups;
}

/** Judges the backups with something hidden, and those that may name what they stored. */
async function judgeBackups(judging: Judging): Promise<Backups> {
  const { context, hidden } = judging;
  const places = new Map<string, BackupPlace>();
  const ofArtifacts = new Map<string, string>();
  for (const { kind, place } of hidden) {
    if (place === undefined || kind === "tombstone") continue;
    places.set(nameOf(place), place);
    const first = ofArtifacts.get(place.source);
    if (kind === "artifact" && (first === undefined || place.id < first)) ofArtifacts.set(place.source, place.id);
  }
  for (const [source, since] of ofArtifacts) {
    const options = { source, since, signal: context.run.signal };
    for await (const { id } of listRoom(judging.store, "manifests", parseDocumentKey, options)) {
      const kind = parseBackupId(id)?.kind;
      if (kind !== undefined && reusingKinds.has(kind)) places.set(nameOf({ source, id }), { source, id });
    }
  }
  const judged = new Map<string, JudgedBackup>();
  const released = new Set<string>();
  const named = new Map<string, StoredArtifact>();
  const found = await mapInBatches(
    [...places.values()],
    async (place) => ({ backup: await judgeBackup(context, place, judging), isPruned: await isPruned(judging, place) }),
    context.run.signal,
  );
  for (const { backup, isPruned } of found) {
    judged.set(nameOf(backup), backup);
    if (isPruned) released.add(nameOf(backup));
    if (isPruned && !judging.pruned) continue;
    for (const [key, artifact] of backup.manifest?.artifacts ?? []) named.set(key, artifact);
  }
  return { judged, released, named };
}

/** Whether Holdfast deleted the backup, as its tombstones and the store's times say. */
async function isPruned(judging: Judging, place: BackupPlace): Promise<boolean> {
  const { vault, historyOf } = judging;
  const names = [...judging.tombstonesOf(place), ...hiddenNames(judging, place, "tombstone")];
  if (names.length === 0) return false;
  const lastMs = await findLastCheck(judging, place);
  const tombstones: (VersionedObject & { readonly genuine: ReadonlySet<string> })[] = [];
  for (const name of names) {
    // Older than evidence of its backup: then the backup lived on.
    if (Date.parse(name.at) + maxClockDifferenceMs < lastMs) continue;
    const object = await historyOf(name.key);
    tombstones.push({ ...object, genuine: await judgeSigned(vault, judging, object, name) });
  }
  const manifest = await historyOf(keyOf.manifest(place.source, place.id));
  // Its manifest was deleted with all versions: only what a prune could not delete is left.
  if (contentOf(manifest).length === 0) return tombstones.some(({ genuine }) => genuine.size > 0);
  return wasPruned(manifest, tombstones);
}

/** When the newest genuine evidence was made, hidden or not; 0 without any. */
async function findLastCheck(judging: Judging, place: BackupPlace): Promise<number> {
  const { vault, store } = judging;
  const names = [...(await listEvidence(store, place.source, place.id)), ...hiddenNames(judging, place, "evidence")];
  return Math.max(0, ...names.filter((name) => judgeName(vault, name) === "genuine").map(({ at }) => Date.parse(at)));
}

function hiddenNames({ ofBackup }: Judging, place: BackupPlace, kind: HiddenObject["kind"]): SignedKey[] {
  const objects = ofBackup.get(nameOf(place)) ?? [];
  return objects.flatMap((object) => (object.kind === kind && object.name !== undefined ? [object.name] : []));
}

/** The tombstones that are visible, listed once for each source. */
async function listVisibleTombstones(store: ObjectStore, hidden: readonly HiddenObject[]) {
  const found = new Map<string, SignedKey[]>();
  for (const source of new Set(hidden.flatMap(({ place }) => place?.source ?? []))) {
    for await (const name of listTombstones(store, { source })) {
      const backup = nameOf(name);
      found.set(backup, [...(found.get(backup) ?? []), name]);
    }
  }
  return (place: BackupPlace): readonly SignedKey[] => found.get(nameOf(place)) ?? [];
}

type Judged = Judging & Backups & { readonly releases: ReadonlyMap<string, number> };

async function planObject(judged: Judged, object: HiddenObject): Promise<PlannedObject> {
  const left = findLeft(judged, object);
  const genuine = left === undefined ? await judgeObject(judged, object) : new Set<string>();
  const choice = chooseVersion(object, genuine);
  const newest = object.versions.find(({ isMarker }) => !isMarker);
  const version = choice.choice === "older" ? choice.version : newest;
  const planned = { object, ...describeHiding(object), bytes: version?.bytes ?? 0, genuine };
  if (left !== undefined) return { ...planned, left };
  if (choice.choice === "older") return planned;
  return { ...planned, left: choice.choice === "current" ? "current" : "no-genuine-version" };
}

/** Why an object stays where it is, before any of its versions is looked at. */
function findLeft(
  { released, releases, judged, named, pruned }: Judged,
  { kind, key, place, name }: HiddenObject,
): LeftReason | undefined {
  if (place === undefined) return undefined;
  const backup = nameOf(place);
  const isGone = released.has(backup) && !pruned;
  if (kind === "tombstone") return released.has(backup) && !pruned ? undefined : "withdrawn";
  if (kind === "artifact") {
    if (named.has(key)) return undefined;
    return isGone ? "pruned" : "unnamed";
  }
  if (isGone) return "pruned";
  if (kind === "hold") return (releases.get(backup) ?? 0) >= Date.parse(name?.at ?? "") ? "released" : undefined;
  return judged.get(backup)?.manifest === undefined && kind !== "manifest" ? "unnamed" : undefined;
}

async function judgeObject(judged: Judged, object: HiddenObject): Promise<ReadonlySet<string>> {
  const { context, vault, document } = judged;
  const { kind, key, name, place } = object;
  const backup = place === undefined ? undefined : judged.judged.get(nameOf(place));
  if (kind === "vault") return document;
  if (kind === "instructions") return judgeInstructions(judged, object);
  if (kind === "audit") return judgeAudit(vault, judged, object);
  if (kind === "erasure") return judgeErasure(vault, judged, object);
  if (name !== undefined) return judgeSigned(vault, judged, object, name);
  if (kind === "manifest") return backup?.manifests ?? new Set();
  if (kind === "seal") return backup?.seals ?? new Set();
  if (kind === "digest key" && backup?.manifest !== undefined) {
    const { digestKeyId } = backup.manifest;
    return judgeDigestKey(context, vault.id, judged, object, { source: backup.source, id: backup.id, digestKeyId });
  }
  const stored = judged.named.get(key);
  return stored === undefined ? new Set() : judgeArtifact(judged, object, stored, context.run.signal);
}

/** Only texts that Holdfast wrote: somebody will paste their commands into a shell. */
async function judgeInstructions(judged: Judged, object: VersionedObject): Promise<ReadonlySet<string>> {
  const genuine = new Set<string>();
  for (const version of contentOf(object)) {
    const view = viewVersion(judged.store, judged.versions, version);
    if ((await findInstructionsProblem(judged.context.engines, view)) === undefined) genuine.add(version.versionId);
  }
  return genuine;
}
