/**
 * What `holdfast check` says of objects that were deleted or overwritten outside Holdfast, and that
 * the bucket still has.
 */
import type { Finding } from "../../engines/finding.ts";
import { describeHiddenHold, listHiddenHolds, parseGenuineEvidence } from "../../vault/documents/hidden-documents.ts";
import { hasTombstone } from "../../vault/documents/tombstones.ts";
import { type BackupPlace, keyOf, parseArtifactKey, parseDocumentKey, parseEvidenceKey } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { SignedVault } from "../../vault/vault.ts";

const subject = "deleted backups";

/**
 * What a backup consists of is written once and deleted for good, or, where versions may not be
 * deleted, after a tombstone. Whatever else lies behind a marker or a newer version was hidden by
 * someone else; but for artifacts of runs that failed and took them back. Looks through all
 * sources. Errors: those of ObjectStore.
 */
export async function checkHidden(vault: SignedVault): Promise<readonly Finding[]> {
  const { store } = vault;
  const counts = { deletion: 0, overwriting: 0 };
  let last = "";
  const meant = new Map<string, boolean>();
  const committed = new Set<string>();
  for (const [room, parse] of rooms) {
    for await (const { key, by, hiddenAt } of store.listHidden(`${room}/`)) {
      const place = room === "evidence" ? parseGenuineEvidence(vault, key) : parse(key);
      if (place === undefined) continue;
      const name = `${place.source}/${place.id}`;
      if (!meant.has(name)) meant.set(name, await hasTombstone(vault, place.source, place.id));
      if (by === "deletion" && meant.get(name) === true) continue;
      if (room !== "artifacts") committed.add(name);
      else if (by === "deletion" && !committed.has(name) && !(await isCommitted(store, place))) continue;
      counts[by] += 1;
      last = `${key} at ${hiddenAt.toISOString()}`;
    }
  }
  const holds: Finding[] = [];
  for await (const hidden of listHiddenHolds(vault)) {
    holds.push({
      level: "error",
      subject: "deleted holds",
      message: describeHiddenHold(hidden),
      remedy: "Find out who deleted it.",
    });
  }
  if (last === "" && holds.length > 0) return holds;
  if (last === "") return [{ level: "ok", subject, message: "no object of a backup was deleted or overwritten outside Holdfast" }];
  const deleted = counts.deletion === 1 ? "1 object of a backup was deleted" : `${counts.deletion} objects of backups were deleted`;
  return [
    {
      level: "error",
      subject,
      message: `${deleted} and ${counts.overwriting} overwritten outside Holdfast, the last in order ${last}; the bucket still has what they held`,
      remedy:
        "Find out who did it, take their rights away, and bring them back: `holdfast vault undelete --dry-run` shows what comes back.",
    },
    ...holds,
  ];
}

const rooms: readonly (readonly [string, (key: string) => BackupPlace | undefined])[] = [
  ["manifests", parseDocumentKey],
  ["evidence", parseEvidenceKey],
  ["artifacts", parseArtifactKey],
];

async function isCommitted(store: ObjectStore, { source, id }: BackupPlace): Promise<boolean> {
  return (await store.head(keyOf.manifest(source, id))) !== undefined;
}
