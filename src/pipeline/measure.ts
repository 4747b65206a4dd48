/**
 * The step that holds objectives against measurements. States come from a listing of keys; figures are read for the newest backups of a source
 * only, so that a vault of any age is measured in the same time.
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import type { SourceConfig } from "../policy/policy.ts";
import { assessStatus, type BackupFigures, type Status, type StatusBackup } from "../report/status.ts";
import { type BackupEntry, listBackups } from "../vault/catalogue.ts";
import type { Evidence } from "../vault/evidence.ts";
import { type Manifest, readManifest } from "../vault/manifest.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { openVault } from "../vault/vault.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { readSoundEvidence } from "./sound-evidence.ts";

/** Of how many newest backups of a source the figures are read: a month of daily ones, which growth is measured over. */
const figuresOfNewest = 32;

export interface MeasuredSource {
  readonly source: SourceConfig;
  readonly backups: readonly StatusBackup[];
  /** The evidence of the restore tests of the newest backups, newest first. */
  readonly tests: readonly Evidence[];
}

export interface Measurements {
  readonly status: Status;
  readonly sources: readonly MeasuredSource[];
}

/** Measures these sources. Damaged manifests and evidence count as unknown figures; their state says what is wrong. Errors: those of the vault. */
export async function measureSources(context: PipelineContext, sources: readonly SourceConfig[]): Promise<Measurements> {
  const measured: MeasuredSource[] = [];
  for (const source of sources) {
    const store = await context.storeOf(source.vault);
    const entries = await listEntries(context, store, source.name);
    const tests = await readTests(store, entries);
    const backups: StatusBackup[] = [];
    for (const [index, entry] of entries.entries()) {
      const recent = index >= entries.length - figuresOfNewest;
      backups.push(recent ? { ...entry, figures: await readFigures(store, entry, tests) } : entry);
    }
    measured.push({ source, backups, tests });
  }
  const { timezone } = context.policy;
  const backups = measured.flatMap((each) => each.backups);
  return { status: assessStatus({ now: context.run.clock.now(), timezone, sources, backups }), sources: measured };
}

/** Oldest first. A vault that was never written to is an empty one. */
async function listEntries(context: PipelineContext, store: ObjectStore, source: string): Promise<BackupEntry[]> {
  try {
    await openVault(store);
  } catch (error) {
    if (isHoldfastError(error, "VaultNotFound")) return [];
    throw error;
  }
  const entries: BackupEntry[] = [];
  for await (const entry of listBackups(store, { source, signal: context.run.signal })) entries.push(entry);
  return entries;
}

/** The newest restore tests among the newest backups, newest first. */
async function readTests(store: ObjectStore, entries: readonly BackupEntry[]): Promise<Evidence[]> {
  const tests: Evidence[] = [];
  const keys = entries
    .slice(-figuresOfNewest)
    .flatMap(({ checks }) => checks)
    .filter(({ check }) => check === "proven" || check === "unproven" || check === "disproven");
  for (const { key } of keys) {
    const evidence = await readSoundEvidence(store, key);
    if (evidence !== undefined) tests.push(evidence);
  }
  return tests.sort((a, b) => b.at.localeCompare(a.at));
}

async function readFigures(store: ObjectStore, entry: BackupEntry, tests: readonly Evidence[]): Promise<BackupFigures> {
  const read = await readSoundManifest(store, entry);
  const restoreSeconds = tests.find(({ backupId, objective }) => backupId === entry.id && objective !== undefined)?.objective
    ?.measuredSeconds;
  const restored = restoreSeconds === undefined ? {} : { restoreSeconds };
  if (read === undefined) return restored;
  const { artifacts, sourceCheck, startedAt, finishedAt } = read.manifest;
  return {
    ...restored,
    storedBytes: artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0),
    contentBytes: artifacts.reduce((sum, artifact) => sum + artifact.plainBytes, 0),
    rows: Object.values(sourceCheck.objects).reduce((sum, object) => sum + object.rows, 0),
    durationSeconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
  };
}

/** Undefined for a damaged manifest, and for one that a prune has just removed. */
async function readSoundManifest(store: ObjectStore, { source, id }: BackupEntry): Promise<{ manifest: Manifest } | undefined> {
  try {
    return await readManifest(store, source, id);
  } catch (error) {
    if (isHoldfastError(error, "ManifestDamaged", "BackupNotFound")) return undefined;
    throw error;
  }
}
