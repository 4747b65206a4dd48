/** Vaults inside a tree, which must not become part of its own backup. */
import { readFile } from "node:fs/promises";
import { type EntryPath, joinEntry, locate } from "./entry-path.ts";

/** The vault's marker file (docs/vault-format.md, "holdfast.json"). */
const markerName = "holdfast.json";

/**
 * Whether the directory, which holds `names`, is a vault. A backup of a vault inside its own tree would grow with every run. Never rejects: a marker
 * that cannot be read marks nothing.
 */
export async function isVault(root: EntryPath, directory: EntryPath, names: readonly string[]): Promise<boolean> {
  if (!names.includes(markerName)) return false;
  try {
    const marker: unknown = JSON.parse(await readFile(locate(root, joinEntry(directory, markerName)), "utf8"));
    if (typeof marker !== "object" || marker === null) return false;
    const { formatVersion, sealingSuite } = marker as Record<string, unknown>;
    return typeof formatVersion === "number" && typeof sealingSuite === "string";
  } catch {
    return false;
  }
}
