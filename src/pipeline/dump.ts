/**
 * The step that makes a backup: dumps a source through sealing into the vault, and commits it with
 * a manifest. Order of writes (docs/vault-format.md, "Order of writes"): lease, digest key,
 * artifacts, the manifest's seal, manifest; the manifest comes last, so that a run that dies at any
 * point leaves either a whole backup or none.
 */

import type { BackupReader } from "../engines/backup-reader.ts";
import type { DumpSession, DumpRequest as EngineDumpRequest } from "../engines/dump-session.ts";
import type { Engine } from "../engines/engine.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind, SourceConfig } from "../policy/policy.ts";
import type { Notice } from "../proof/content.ts";
import { shortestKept } from "../retention/shortest-kept.ts";
import type { RunContext } from "../runtime/run-context.ts";
import type { SealingKeys } from "../sealing/keys.ts";
import { type ArtifactRecord, commitManifest, encodeManifest, type Manifest } from "../vault/documents/manifest.ts";
import { totalsOf } from "../vault/documents/manifest-totals.ts";
import { initVault } from "../vault/documents/vault.ts";
import { findNewest } from "../vault/find-backup.ts";
import { newBackupId } from "../vault/layout.ts";
import { streamOf } from "../vault/lease-streams.ts";
import type { Lease } from "../vault/leases.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import type { Vault } from "../vault/vault.ts";
import { noteBackup } from "./catalogue/source-history.ts";
import { checkClock, letSecondPass } from "./dump/backup-clock.ts";
import { chooseBase } from "./dump/choose-base.ts";
import { findReuseBase, type NewBackup, type ReuseBase, secureReused } from "./dump/reuse-base.ts";
import { assertStillHeld, removeUncommitted } from "./dump/running-backup.ts";
import { storeArtifacts } from "./dump/store-artifacts.ts";
import type { ArtifactTarget } from "./dump/write-artifact.ts";
import { writeInstructions } from "./export/vault-instructions.ts";
import { keepDocumentsLocked } from "./keep-documents-locked.ts";
import { writeManifestSeal } from "./opening/authentic-manifest.ts";
import { figuresOf } from "./opening/backup-figures.ts";
import { recordSourceCheck, writeDigestKey } from "./opening/digest-keys.ts";
import { requireBase } from "./opening/open-chain.ts";
import { findVault, type PipelineContext, requireSource } from "./pipeline-context.ts";
import { withSourceLeases } from "./runs/source-lease.ts";

export interface DumpRequest {
  readonly source: string;
  readonly kind: BackupKind;
}

export interface DumpResult {
  readonly source: string;
  readonly backupId: string;
  readonly kind: BackupKind;
  /**
   * The address of the vault, when this run made it: surprising to a user who thought it was there
   * (a volume that is not mounted).
   */
  readonly createdVault?: string | undefined;
  readonly manifestSha256: string;
  /** By this backup, without what it reuses. */
  readonly storedBytes: number;
  readonly reusedBytes: number;
  readonly rows: number;
  readonly durationMs: number;
  readonly artifacts: readonly ArtifactRecord[];
  readonly notices: readonly Notice[];
}

/**
 * Dumps one source as a new backup. Takes the lease of its stream for the time; when it rejects, no
 * manifest was written and the artifacts written so far have been removed (after a kill, the
 * sweep does that).
 * Errors: SourceNotFound, SourceUnsupported (a kind the engine cannot do), LeaseHeld, LeaseLost,
 * those of chooseBase, ManifestDamaged (what it builds on was lost meanwhile),
 * those of Engine.openDump and of writeArtifact.
 */
export async function dumpSource(context: PipelineContext, request: DumpRequest): Promise<DumpResult> {
  const source = requireSource(context.policy, request.source);
  const engine = await context.engineOf(source.engine);
  return dumpOpened(context, source, request, (asked) => engine.openDump(source, asked, context.run));
}

/** Opens what is dumped: the source, or a restore's target in its place. */
export type OpenDump = (request: EngineDumpRequest) => Promise<DumpSession>;

/** As dumpSource, for what `open` opens. */
export async function dumpOpened(
  context: PipelineContext,
  source: SourceConfig,
  request: DumpRequest,
  open: OpenDump,
): Promise<DumpResult> {
  requireKind(source, request.kind);
  const engine = await context.engineOf(source.engine);
  // The key is opened before anything is dumped: a backup that nobody could open must not be begun.
  const keys = await context.keysOf(source.key);
  await keys.sealingKeyring();
  const { vault, ...createdVault } = await prepareVault(context, source.vault);
  const keyed = { keys, keyId: await keys.sealingKeyId() };
  const purpose = { source: source.name, streams: [streamOf(request.kind)], purpose: `${request.kind} backup` };
  return withSourceLeases(context, vault.state, purpose, async (run, lease) => {
    const making = { context: { ...context, run }, vault, source, engine, open, lease, ...keyed };
    const made = await makeBackup(making, await begin(making.context, vault, source, request.kind));
    return { ...(typeof made === "string" ? await makeAnew(making, request.kind, made) : made), ...createdVault };
  });
}

interface Making {
  readonly context: PipelineContext;
  readonly vault: Vault;
  readonly source: SourceConfig;
  readonly engine: Engine;
  readonly open: OpenDump;
  readonly lease: Pick<Lease, "assertHeld">;
  readonly keys: SealingKeys;
  readonly keyId: string;
}

/**
 * A log that does not go on where the newest one ends begins anew on the newest backup of another
 * kind: until the next full there would be none otherwise. What is missing is said in its manifest.
 */
async function makeAnew(making: Making, kind: BackupKind, gap: string): Promise<DumpResult> {
  const { context, vault, source } = making;
  const begun = await begin(context, vault, source, kind, true);
  const message = `the logs do not go on where they ended: ${gap}; this one begins anew on ${begun.base?.record.id}, and what happened between that end and ${begun.base?.manifest.coverage.to.at} cannot be restored`;
  context.run.log.warn(message);
  const notices = [...begun.notices, { code: "log-gap", subject: source.name, message }];
  const made = await makeBackup(making, { ...begun, notices }, true);
  if (typeof made === "string") throw new HoldfastError("Internal", made);
  return made;
}

/** In words why it is none: a log that does not go on from the log that it was to build on. */
async function makeBackup(making: Making, begun: Begun, isLast = false): Promise<DumpResult | string> {
  const { context, vault, source, engine, open, lease, keys, keyId } = making;
  const { run } = context;
  const { store } = vault;
  const { kind, base, notices, newest, startedAt } = begun;
  const startedMs = run.clock.monotonicMs();
  const backupId = newBackupId(startedAt, kind, run.randomBytes, base?.record.id);
  const backup = { source, kind, id: backupId, startedAt, keyId };
  const { session, reused } = await openSession(context, vault, engine, open, backup, base?.reader);
  const lock = lockAtWrite(store, source, kind, startedAt);
  const target = { store, keys, vaultId: vault.id, source: source.name, backupId, committing: false, ...lock };
  try {
    const digestKey = await writeDigestKey(target, run);
    const { artifacts, sourceCheck, summary } = await storeDump(session, { ...target, digestKey }, reused, run);
    const manifest: Manifest = {
      formatVersion: 2,
      id: backupId,
      source: source.name,
      engine: source.engine,
      kind,
      base: base?.record ?? null,
      coverage: summary.coverage,
      startedAt: startedAt.toISOString(),
      finishedAt: run.clock.now().toISOString(),
      facts: summary.facts,
      notices: [...notices, ...checkClock(newest, startedAt), ...summary.notices],
      artifacts,
      sourceCheck: recordSourceCheck(sourceCheck, digestKey, run.randomBytes),
      digestKeyId: digestKey.id,
      policySha256: context.policy.sha256,
      holdfastVersion: context.holdfastVersion,
    };
    const gap = isLast ? undefined : findLogGap(base?.manifest, manifest, engine);
    if (gap !== undefined) {
      await removeUncommitted(target, run);
      return gap;
    }
    await secureReused(store, source.name, artifacts, { ...lock, run });
    await writeManifestSeal(target, encodeManifest(manifest).sha256, run.signal);
    await lease.assertHeld();
    // It may have been lost while the dump ran: what nobody can restore must not pass for a
    // backup.
    await requireBase(store, manifest, engine);
    run.signal.throwIfAborted();
    // Not to be interrupted from here on: whether a write that is broken off takes place, nobody
    // could say.
    target.committing = true;
    const { sha256 } = await commitManifest(store, manifest, lock);
    if (reused !== undefined || base !== undefined) await assertStillHeld(target, lease);
    await noteBackup(context, vault, { source: source.name, id: backupId });
    return resultOf(source, manifest, sha256, run.clock.monotonicMs() - startedMs);
  } catch (error) {
    await removeUncommitted(target, run);
    throw error;
  } finally {
    await session.close();
  }
}

function findLogGap(base: Manifest | undefined, manifest: Manifest, engine: Engine): string | undefined {
  if (base?.kind !== "log") return undefined;
  return engine.findGap?.(figuresOf(base, engine), figuresOf(manifest, engine));
}

type Begun = Awaited<ReturnType<typeof begin>>;

/** Chooses what is built on, and the second that the new backup is named after. */
async function begin(context: PipelineContext, vault: Vault, source: SourceConfig, kind: BackupKind, anew = false) {
  const { run } = context;
  const chosen = await chooseBase(context, vault, source, kind, anew);
  const newest = await findNewest(vault.store, source.name, run.clock.now());
  await letSecondPass([newest?.startedAt, chosen.skippedAt], run);
  return { ...chosen, newest, startedAt: run.clock.now() };
}

function requireKind({ engine, traits: { kinds } }: SourceConfig, kind: BackupKind): void {
  if (kinds.includes(kind)) return;
  throw new HoldfastError("SourceUnsupported", `the ${engine} engine does not support ${kind} backups`, {
    hint: `Use one of: ${kinds.join(", ")}.`,
  });
}

/**
 * Makes a vault where there is none yet. Said before the dump: a run that fails after this leaves a
 * vault that the next takes for granted.
 */
async function prepareVault(
  context: PipelineContext,
  vaultName: string,
): Promise<{ readonly vault: Vault } & Pick<DumpResult, "createdVault">> {
  const { run, holdfastVersion, engines } = context;
  const found = await findVault(context, vaultName);
  if (found !== undefined) {
    await keepDocumentsLocked(run, found.store);
    return { vault: found };
  }
  const store = await context.storeOf(vaultName);
  run.log.warn(
    `${store.url} contains no vault yet, so a new one is created. If it held backups before, check that the volume is mounted`,
  );
  const { clock, randomBytes } = run;
  const restoreInstructions = () => writeInstructions(engines);
  await initVault(store, { clock, randomBytes, holdfastVersion, restoreInstructions });
  await keepDocumentsLocked(run, store);
  return { vault: await context.vaultOf(vaultName), createdVault: store.url };
}

async function openSession(
  context: PipelineContext,
  vault: Vault,
  engine: Engine,
  open: OpenDump,
  backup: NewBackup,
  base?: BackupReader,
) {
  const reused = await findReuseBase(context, vault, backup, engine);
  const request = { kind: backup.kind, backupId: backup.id, base, ...(reused === undefined ? {} : { reusable: reused.reader }) };
  return { reused, session: await open(request) };
}

async function storeDump(session: DumpSession, target: ArtifactTarget, base: ReuseBase | undefined, run: RunContext) {
  run.progress.phase("dump", session.expectedBytes);
  const checking = session.sourceCheck();
  // A failed check is reported after the artifacts have ended; until then it must not count as
  // unhandled.
  checking.catch(() => undefined);
  const artifacts = await storeArtifacts(session, target, base, run);
  const sourceCheck = await checking;
  return { artifacts, sourceCheck, summary: await session.finish() };
}

/**
 * Every object of a backup is locked at its write, for the shortest time that retention keeps its
 * kind.
 */
function lockAtWrite(
  store: ObjectStore,
  { retention }: SourceConfig,
  kind: BackupKind,
  startedAt: Date,
): { readonly retainUntil?: Date } {
  const seconds = store.locks !== undefined ? shortestKept(retention, kind) : 0;
  return seconds > 0 ? { retainUntil: new Date(startedAt.getTime() + seconds * 1000) } : {};
}

function resultOf(source: SourceConfig, manifest: Manifest, manifestSha256: string, durationMs: number): DumpResult {
  const { storedBytes, reusedBytes, rows } = totalsOf(manifest);
  return {
    source: source.name,
    backupId: manifest.id,
    kind: manifest.kind,
    manifestSha256,
    storedBytes: storedBytes - reusedBytes,
    reusedBytes,
    rows,
    durationMs,
    artifacts: manifest.artifacts,
    notices: manifest.notices,
  };
}
