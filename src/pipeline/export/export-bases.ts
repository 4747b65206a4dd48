/** What an export brings along: all that the backup builds on. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type Manifest, type ReadManifest, readManifest } from "../../vault/documents/manifest.ts";
import { readBase } from "../../vault/examine-base.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

/**
 * All that it builds on, in the order of restoring: without that, it is of no use. Errors:
 * ManifestDamaged.
 */
export async function readBasesOf(store: ObjectStore, manifest: Manifest): Promise<readonly ReadManifest[]> {
  const bases: ReadManifest[] = [];
  for (let next = manifest; ; ) {
    const base = await readBase(store, next);
    if (base === undefined) return bases.reverse();
    if (typeof base === "string") throw new HoldfastError("ManifestDamaged", base);
    bases.push(base);
    next = base.manifest;
  }
}

/** Whether an earlier export brought it there. Errors: ObjectExists, where another is there. */
export async function isExported(copy: ObjectStore, { manifest: { source, id }, sha256 }: ReadManifest): Promise<boolean> {
  if ((await copy.head(keyOf.manifest(source, id))) === undefined) return false;
  if ((await readManifest(copy, source, id)).sha256 === sha256) return true;
  throw new HoldfastError("ObjectExists", `${copy.url} has another backup ${id} of "${source}" than this vault`, {
    hint: "Export to another folder.",
  });
}
