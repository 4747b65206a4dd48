/**
 * Documents that count by their names, and that none of the policy's keys signed: somebody put them
 * there, or the key that signed them left the policy.
 */
import { parseTombstoneKey } from "./layout.ts";
import { judgeName } from "./signed-documents.ts";
import type { SignedVault } from "./vault.ts";

/**
 * The keys of the tombstones among them, of all sources or of one; a listing of backups gives the
 * others (`onForged`). Judges every name, and reads none. Errors: those of ObjectStore.list.
 */
export async function* listForgedTombstones(
  vault: SignedVault,
  { source, signal }: { readonly source?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<string, void, undefined> {
  const prefix = source === undefined ? "tombstones/" : `tombstones/${source}/`;
  for await (const { key } of vault.store.list(prefix, { includeOdd: true, signal })) {
    const name = parseTombstoneKey(key);
    if (name !== undefined && judgeName(vault, name) === "forged") yield key;
  }
}

/** What to say of them, once for all, and what to do. */
export function describeForged(keys: readonly string[], url: string): { readonly message: string; readonly remedy: string } {
  const [first = ""] = keys;
  const what = keys.length === 1 ? `${first} in ${url} is` : `${keys.length} documents in ${url}, such as ${first}, are`;
  return {
    message: `${what} not signed with a key of the policy, and ${keys.length === 1 ? "counts" : "count"} for nothing`,
    remedy:
      "If a key has left the policy, name it again after the new one: what it signed counts then. Else find out who can write there, and run `holdfast check --json`: it says whether holdfast.json was replaced, and else lists all that is to be deleted from the vault.",
  };
}
