/**
 * Which of a source's backups a status quotes, and whether their documents bear out what it would
 * say of them.
 */
import { type CheckName, checkNames } from "../../vault/backup-state.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { type Authenticate, type ExaminedBackup, examineBackup } from "../../vault/examine-backup.ts";
import { type FollowedLinks, followLinks } from "../../vault/examine-base.ts";
import type { EvidenceKey } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import { readSoundEvidence } from "./read-valid-evidence.ts";

/** What a restore test finds. */
const testChecks: readonly CheckName[] = ["proven", "unproven", "disproven"];
/** What measures a restore: a test, or a restore by hand. */
export const restoreChecks: readonly CheckName[] = [...testChecks, "restored"];

/** `problems` says that it was examined. */
type Quotable = BackupEntry & Partial<ExaminedBackup>;

/**
 * The entries (oldest first), of which those that a status quotes were examined: from the newest
 * back to the newest recovery point and the newest proven one, and the ones whose check is the last
 * of its kind. What is older is counted, not quoted. A backup that its documents do not bear out
 * has no checks here, and one whose last check cannot be read is damaged. Errors: those of
 * ObjectStore.
 */
export async function examineQuoted(
  store: ObjectStore,
  entries: readonly BackupEntry[],
  authenticate: Authenticate,
): Promise<BackupEntry[]> {
  const judged: Quotable[] = [];
  const followed = followLinks();
  let [good, proven] = [false, false];
  for (const entry of entries.toReversed()) {
    const isQuoted = !good || (!proven && entry.state === "proven");
    const examined = isQuoted ? await examineBackup(store, entry, authenticate, followed) : entry;
    if (examined === undefined) continue; // Deleted since it was listed.
    const counts = !examined.suspicious && !examined.future;
    good ||= counts && (examined.state === "verified" || examined.state === "proven");
    proven ||= counts && examined.state === "proven";
    judged.push(withBorneOut(examined));
  }
  judged.reverse();
  for (const group of [testChecks, restoreChecks, checkNames]) await examineLast(store, judged, group, authenticate, followed);
  return judged;
}

function withBorneOut(entry: Quotable): Quotable {
  const isBorneOut = (entry.problems ?? []).length === 0 && entry.unread === undefined;
  return isBorneOut ? entry : { ...entry, checks: [], earlierChecks: [] };
}

/** Examines the backup whose check of the group is the newest, until that one can be quoted. */
async function examineLast(
  store: ObjectStore,
  judged: Quotable[],
  group: readonly CheckName[],
  authenticate: Authenticate,
  followed: FollowedLinks,
): Promise<void> {
  for (;;) {
    const last = findLast(judged, group);
    if (last === undefined) return;
    const { index, entry, key } = last;
    if (entry.problems === undefined) {
      const examined = await examineBackup(store, entry, authenticate, followed);
      judged[index] = withBorneOut(examined ?? { ...entry, problems: [], checks: [], earlierChecks: [] });
      continue;
    }
    if ((await readSoundEvidence(store, key)) !== undefined) return;
    const problems = [...entry.problems, `${key} in ${store.url} cannot be read`];
    judged[index] = { ...entry, state: "damaged", problems, checks: entry.checks.filter((check) => check.key !== key) };
  }
}

interface LastCheck extends EvidenceKey {
  readonly index: number;
  readonly entry: Quotable;
}

function findLast(judged: readonly Quotable[], group: readonly CheckName[]): LastCheck | undefined {
  let last: LastCheck | undefined;
  for (const [index, entry] of judged.entries()) {
    for (const check of entry.checks) {
      if (group.includes(check.check) && (last === undefined || check.at > last.at)) last = { ...check, index, entry };
    }
  }
  return last;
}
