/** What retention is to judge: a source's backups with their holds, readers, bases and doubts. */
import type { RetentionBackup } from "../../retention/plan-retention.ts";
import { stateOf } from "../../vault/backup-state.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { resolveChains } from "../../vault/chains.ts";
import { describeHiddenHold, listHiddenHolds } from "../../vault/documents/hidden-documents.ts";
import { describeReader, isActiveMark, listReadMarks } from "../../vault/documents/read-marks.ts";
import { checksStoredBy } from "../../vault/judge-checks.ts";
import { describeForged } from "../../vault/list-forged.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { SignedVault } from "../../vault/vault.ts";
import type { SourceHistory } from "../catalogue/histories.ts";
import { rulesOf } from "../list-source.ts";
import { readBases } from "../opening/read-bases.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { GatheredBackup } from "./plan-on-trust.ts";
import type { ReadReused } from "./reused-artifacts.ts";

/** Each backup of the history as retention sees it. Warns of hidden holds and forged documents. */
export async function gatherBackups(
  context: PipelineContext,
  vault: SignedVault,
  { source, backups: entries }: SourceHistory,
  readers: ReadonlyMap<string, string>,
  settledMs: number,
  readReused: ReadReused,
): Promise<GatheredBackup[]> {
  const hidden = new Map<string, Date>();
  for await (const { id, hiddenAt } of listHiddenHolds(vault, source)) hidden.set(id, hiddenAt);
  const forged = entries.flatMap((entry) => entry.forged);
  if (forged.length > 0) context.run.log.warn(describeForged(forged, vault.store.url).message);
  const rules = rulesOf(context, source);
  const said = await readBases(context, vault, entries, rules, (await readReused()).bases);
  // By what the manifests say, not by the rules of kinds: what is kept must keep its base.
  return resolveChains(entries, rules, said.bases).map((entry) => {
    const hiddenAt = entry.held ? undefined : hidden.get(entry.id);
    if (hiddenAt !== undefined) context.run.log.warn(describeHiddenHold({ source, id: entry.id, hiddenAt }));
    const held = entry.held || hiddenAt !== undefined;
    const parent = said.bases.get(entry.id) ?? (entry.base === "" ? null : (entry.base ?? null));
    const distrust = said.doubts.get(entry.id);
    const doubt = distrust === undefined || (entry.own ?? entry).state === "damaged" ? {} : { distrust };
    return { entry, ...judgedEntry(vault, entry, settledMs), parent, ...doubt, held, readBy: readers.get(entry.id) };
  });
}

function judgedEntry(vault: SignedVault, entry: BackupEntry, settledMs: number): RetentionBackup {
  const { id, kind, held, storedAt } = entry;
  // What it builds on is retention's to judge: it does so for the time of `settled` as well.
  const { state, suspicious } = entry.own ?? entry;
  // By the store's own time; where that is not known, a check counts as old.
  const settled = stateOf(checksStoredBy(vault, entry, settledMs).map(({ check }) => check));
  const startedAtMs = entry.startedAt.getTime();
  return { id, kind, startedAtMs, state, suspicious, held, storedAtMs: storedAt?.getTime(), settled };
}

/** Who reads which backup now, in words; and the marks of readers that died. */
export async function findReaders(context: PipelineContext, store: ObjectStore, source: string) {
  const readers = new Map<string, string>();
  const dead: string[] = [];
  for await (const mark of listReadMarks(store, source)) {
    if (!isActiveMark(mark, context.run.clock.now())) dead.push(mark.key);
    else readers.set(mark.id, await describeReader(store, mark.key));
  }
  return { readers, dead };
}
