/**
 * A backup's state as far as it may be quoted: the keys say what was found, and this reads whether
 * it was. Names alone prove nothing; anyone who can add files can make them.
 */
import { type HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { CheckName } from "./backup-state.ts";
import type { BackupEntry } from "./catalogue.ts";
import { readEvidence } from "./documents/evidence.ts";
import { readManifest } from "./documents/manifest.ts";
import { examineBase, followLinks } from "./examine-base.ts";
import type { BackupPlace, EvidenceKey } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";

export interface ExaminedBackup extends BackupEntry {
  /** What is wrong with its documents, in sentences; then its state is damaged. */
  readonly problems: readonly string[];
  /**
   * Why its documents could not be judged (not allowed to read, of a newer Holdfast, sealed with a
   * key that the policy lacks); then its state is what the keys say, at most stored.
   */
  readonly unread?: string;
  /**
   * Why nobody could ask whether its manifest was made with the vault's key: no key is at hand.
   * Then its state is not checked.
   */
  readonly unchecked?: HoldfastError | undefined;
  /** Objects that its proof left out, because they need an extension that the policy excepts. */
  readonly leftOut?: number;
}

/**
 * Asks whether a manifest was made with the vault's key. Errors: ManifestDamaged, BackupNotFound
 * (deleted meanwhile), and KeyMissing, KeyUnavailable or KeyFileInvalid where that cannot be told.
 */
export type Authenticate = (manifest: BackupPlace & { readonly sha256: string }) => Promise<void>;

/**
 * A person's word and a machine's each end what was found before them: the newest of each group
 * decides.
 */
const decidingGroups: readonly (readonly CheckName[])[] = [["proven"], ["verified", "suspicious"], ["accepted"]];

/**
 * The entry with the state that its documents bear out: the manifest is read, which must have been
 * made with the vault's key, and the newest evidence that its state rests on, three at most; each
 * must be readable and about this very manifest. What it builds on must be there and unchanged, as
 * far down as `followed` goes, which is shared by what is examined together. Evidence is written
 * once: what cannot be read was damaged, or planted. Undefined when the backup was deleted
 * meanwhile. Errors: those of ObjectStore but for rights on single objects.
 */
export async function examineBackup(
  store: ObjectStore,
  entry: BackupEntry,
  authenticate: Authenticate,
  followed = followLinks(),
): Promise<ExaminedBackup | undefined> {
  // That it is damaged needs no proof, and more damage makes no difference.
  if ((entry.own ?? entry).state === "damaged") return { ...entry, problems: [], state: "damaged" };
  try {
    const { manifest, sha256 } = await readManifest(store, entry.source, entry.id);
    const unchecked = await tryAuthenticate(authenticate, { source: entry.source, id: entry.id, sha256 });
    const problems: string[] = [];
    let leftOut = 0;
    for (const deciding of findDeciding(entry.checks)) {
      const found = await judgeEvidence(store, deciding, sha256);
      if (found.problem !== undefined) problems.push(found.problem);
      if (deciding.check === "proven") leftOut = found.leftOut ?? 0;
    }
    const { standing, problem } = await examineBase(store, entry, manifest, followed);
    const { state, suspicious } = standing;
    if (problem !== undefined) problems.push(problem);
    if (problems.length > 0) return { ...entry, problems, suspicious, state: "damaged" };
    return { ...entry, state, suspicious, problems, ...unchecked, ...(leftOut > 0 && state === "proven" ? { leftOut } : {}) };
  } catch (error) {
    if (isHoldfastError(error, "BackupNotFound")) return undefined;
    if (isHoldfastError(error, "ManifestDamaged")) return { ...entry, problems: [error.message], state: "damaged" };
    if (isHoldfastError(error, "StoreAccessDenied", "VaultInvalid", "KeyMissing")) {
      return { ...entry, problems: [], unread: error.message, state: "stored" };
    }
    throw error;
  }
}

/** No key at hand, or no right to read the seal, or a rule of the bucket that archived it. */
const cannotTell = ["KeyUnavailable", "KeyFileInvalid", "StoreAccessDenied", "ArtifactArchived"] as const;

/**
 * A machine without the key can list what there is; that its key is not the right one says that the
 * backup is of no use to it.
 */
async function tryAuthenticate(
  authenticate: Authenticate,
  manifest: Parameters<Authenticate>[0],
): Promise<Pick<ExaminedBackup, "unchecked">> {
  try {
    await authenticate(manifest);
    return {};
  } catch (error) {
    if (isHoldfastError(error, ...cannotTell)) return { unchecked: error };
    throw error;
  }
}

/** What the state rests on. */
function findDeciding(checks: readonly EvidenceKey[]): EvidenceKey[] {
  return decidingGroups.flatMap((group) => checks.findLast(({ check }) => group.includes(check)) ?? []);
}

async function judgeEvidence(
  store: ObjectStore,
  { key, check, at }: EvidenceKey,
  manifestSha256: string,
): Promise<{ readonly problem?: string; readonly leftOut?: number }> {
  try {
    const evidence = await readEvidence(store, key);
    if (evidence.manifestSha256 === manifestSha256) return { leftOut: evidence.comparison?.leftOut?.count ?? 0 };
    return { problem: `the evidence "${check}" of ${at} is about another manifest: the manifest was changed since` };
  } catch (error) {
    if (isHoldfastError(error, "EvidenceInvalid")) return { problem: error.message };
    // Deleted since it was listed, as with its backup.
    if (isHoldfastError(error, "ObjectNotFound")) return {};
    throw error;
  }
}

/** How many are read at once: a vault on a network answers each in some milliseconds. */
const maxAtOnce = 16;

/**
 * Examines each of the entries, in their order; those deleted meanwhile are left out. What came
 * before a failure of the entries is given first.
 */
export async function* examineAll(
  store: ObjectStore,
  entries: AsyncIterable<BackupEntry>,
  authenticate: Authenticate,
): AsyncGenerator<ExaminedBackup, void, undefined> {
  const underWay: Promise<ExaminedBackup | undefined>[] = [];
  const followed = followLinks();
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const entry of entries) {
      const examining = examineBackup(store, entry, authenticate, followed);
      // Its failure is met when its turn comes.
      examining.catch(() => undefined);
      underWay.push(examining);
      if (underWay.length < maxAtOnce) continue;
      const examined = await underWay.shift();
      if (examined !== undefined) yield examined;
    }
  } catch (error) {
    failure = { error };
  }
  for (const examining of underWay) {
    const examined = await examining;
    if (examined !== undefined) yield examined;
  }
  if (failure !== undefined) throw failure.error;
}
