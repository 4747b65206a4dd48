/**
 * What a backup builds on, as its own manifest says it: the hash in it tells a base that changed.
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { inheritDoubt, type Standing } from "../proof/standing.ts";
import { stateOf } from "./backup-state.ts";
import type { BackupEntry } from "./catalogue.ts";
import { describeInherited } from "./chains.ts";
import { listEvidence } from "./documents/evidence.ts";
import { type Manifest, type ReadManifest, readManifest } from "./documents/manifest.ts";
import type { ObjectStore } from "./object-store.ts";

/** What a manifest says of its base. */
export type BasedManifest = Pick<Manifest, "id" | "source" | "base">;

/**
 * The manifest of what the backup builds on; what is wrong with it, in words; undefined for a
 * backup that stands alone. That it is genuine needs no seal: a genuine manifest names its hash.
 * Errors: VaultInvalid, those of ObjectStore.get.
 */
export async function readBase(store: ObjectStore, manifest: BasedManifest): Promise<ReadManifest | string | undefined> {
  const { id, source, base } = manifest;
  if (base === null) return undefined;
  try {
    const read = await readManifest(store, source, base.id);
    if (read.sha256 === base.manifestSha256) return read;
    return `${id} builds on ${base.id}, whose manifest is not the one that it was built on: it was changed or swapped`;
  } catch (error) {
    if (isHoldfastError(error, "BackupNotFound")) return `${id} builds on ${base.id}, which is missing`;
    if (isHoldfastError(error, "ManifestDamaged")) return `${id} builds on ${base.id}, whose manifest is damaged: ${error.message}`;
    throw error;
  }
}

/**
 * How many links below a backup's base are looked at, in all, beside one for each backup that is
 * examined: chains of logs have thousands, and a restore reads them all before it loads anything.
 */
const maxLinksBelow = 100;

/** What was found below bases; to be shared by all that is examined together. */
export interface FollowedLinks {
  /** What is wrong at a link or below it, by what the link's manifest says. */
  readonly found: Map<string, Promise<string | undefined>>;
  left: number;
}

export function followLinks(): FollowedLinks {
  return { found: new Map(), left: maxLinksBelow };
}

/**
 * What is wrong with what a genuine manifest builds on, or below that, as far as it is followed.
 */
function findBreakBelow(store: ObjectStore, manifest: BasedManifest, followed: FollowedLinks): Promise<string | undefined> {
  const name = nameLink(manifest);
  const known = followed.found.get(name);
  if (known !== undefined) return known;
  if (followed.left <= 0) return Promise.resolve(undefined);
  followed.left -= 1;
  const looking = readBase(store, manifest).then((found) =>
    found === undefined || typeof found === "string" ? found : findBreakBelow(store, found.manifest, followed),
  );
  followed.found.set(name, looking);
  return looking;
}

function nameLink({ id, base }: BasedManifest): string {
  return `${id} ${base?.id} ${base?.manifestSha256}`;
}

/**
 * What the backup's standing is with the base that its manifest names, where the listing took
 * another for it; and what is wrong with that base or below it, in words. Errors: as readBase, and
 * those of ObjectStore.list.
 */
export async function examineBase(
  store: ObjectStore,
  entry: BackupEntry,
  manifest: BasedManifest,
  followed: FollowedLinks,
): Promise<{ readonly standing: Standing; readonly problem?: string }> {
  const own = entry.own ?? entry;
  const found = await readBase(store, manifest);
  if (found === undefined) return { standing: own };
  if (typeof found === "string") return { standing: own, problem: found };
  followed.left += 1;
  const below = findBreakBelow(store, found.manifest, followed);
  followed.found.set(nameLink(manifest), below);
  const problemBelow = await below;
  if (problemBelow !== undefined) return { standing: own, problem: problemBelow };
  if (entry.base === found.manifest.id) {
    const problem = entry.state === "damaged" && own.state !== "damaged" ? describeInherited(entry) : undefined;
    return { standing: entry, ...(problem === undefined ? {} : { problem }) };
  }
  const { id } = found.manifest;
  // Nobody asked who signed this evidence: against the backup it counts, for it it does not.
  const { state } = stateOf((await listEvidence(store, entry.source, id)).map(({ check }) => check));
  const standing = inheritDoubt(own, { state: state === "damaged" ? "damaged" : "stored", suspicious: false });
  if (standing.state !== "damaged" || own.state === "damaged") return { standing };
  return { standing, problem: `it builds on ${id}, which is damaged` };
}
