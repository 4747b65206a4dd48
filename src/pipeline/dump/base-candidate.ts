/** Looks at a backup that another may build on: its documents, and those of what it builds on. */
import type { BackupReader } from "../../engines/backup-reader.ts";
import type { Engine } from "../../engines/engine.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { stateOf } from "../../vault/backup-state.ts";
import { maxLinksBelow } from "../../vault/chains.ts";
import { listEvidence } from "../../vault/documents/evidence.ts";
import type { BackupBase, Manifest } from "../../vault/documents/manifest.ts";
import { type DatedPlace, readEntry } from "../../vault/find-backup.ts";
import { judgeChecks } from "../../vault/judge-checks.ts";
import { type EvidenceKey, parseBackupId, parseEvidenceKey, type SignedKey } from "../../vault/layout.ts";
import { listRoom } from "../../vault/list-room.ts";
import type { Vault } from "../../vault/vault.ts";
import { recordDamage } from "../damage/record-damage.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import { readDigestKey } from "../opening/digest-keys.ts";
import { requireBase } from "../opening/open-chain.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import { openBackup } from "../opening/read-backup.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** A backup that may be built on. */
export interface SoundBase {
  readonly record: BackupBase;
  readonly manifest: Manifest;
  readonly reader: BackupReader;
}

/** What one search has found out; to be shared by all that it looks at. */
export interface BaseSearch {
  readonly context: PipelineContext;
  readonly vault: Vault;
  readonly engine: Engine;
  /** Backups known to build on damaged ones. */
  readonly spoilt: Set<string>;
  /** When a candidate was last recorded as damaged. */
  skippedAt?: Date | undefined;
}

/**
 * The candidate as a base, with what its own documents say of it and of what it builds on, down to
 * `maxLinksBelow` links. Undefined where it is damaged, or builds on what is: what only its
 * documents say is recorded first, which also tells a listing that nothing later builds on it
 * (chains.ts). Errors: KeyUnavailable, KeyFileInvalid, those of ObjectStore.
 */
export async function tryBase(search: BaseSearch, place: DatedPlace): Promise<SoundBase | undefined> {
  const { context, vault, engine, spoilt } = search;
  const { source, id } = place;
  if (spoilt.has(id) || (await findDamaged(search, source, [id])) !== undefined) return undefined;
  try {
    const { manifest, sha256 } = await readAuthenticManifest(context, vault, source, id);
    if (manifest.engine !== engine.name) return undefined;
    const links = await readLinks(search, manifest);
    const damaged = await findDamaged(search, source, links);
    if (damaged !== undefined) {
      for (const link of [id, ...links.slice(0, links.indexOf(damaged) + 1)]) spoilt.add(link);
      return undefined;
    }
    const digestKey = await readDigestKey(context, vault, manifest);
    const { reader } = openBackup(vault, await openingKeysFor(context, source), manifest, engine, context.run, { digestKey });
    return { record: { id, manifestSha256: sha256 }, manifest, reader };
  } catch (error) {
    if (!isHoldfastError(error, "ManifestDamaged", "BackupNotFound", "ContentInvalid", "VaultInvalid", "KeyMissing")) throw error;
    context.run.log.warn(`${id} is not built on: ${error.message}`);
    if (isHoldfastError(error, "ManifestDamaged", "ContentInvalid")) {
      const entry = await readEntry(vault, place, context.run.clock.now());
      await recordDamage(context, { entry, vault }, [error.message]);
    }
    search.skippedAt = context.run.clock.now();
    return undefined;
  }
}

/**
 * The ids below a genuine manifest, the nearest first: a request each, and logs are made often. A
 * break further down is found by a restore or a restore test. Errors: those of requireBase.
 */
async function readLinks({ vault, engine }: BaseSearch, manifest: Manifest): Promise<string[]> {
  const ids: string[] = [];
  let link = await requireBase(vault.store, manifest, engine);
  while (link !== undefined) {
    ids.push(link.id);
    link = ids.length < maxLinksBelow ? await requireBase(vault.store, link, engine) : undefined;
  }
  return ids;
}

/** The first of these that its evidence says is damaged. */
export async function findDamaged(
  { context, vault }: Pick<BaseSearch, "context" | "vault">,
  source: string,
  ids: readonly string[],
): Promise<string | undefined> {
  const now = context.run.clock.now();
  const checks = await listChecks(vault, source, ids);
  return ids.find(
    (id) => stateOf(judgeChecks(vault, checks.get(id) ?? [], now).checks.map(({ check }) => check)).state === "damaged",
  );
}

type Checks = Map<string, (EvidenceKey & SignedKey)[]>;

/**
 * Logs follow each other: one listing has what was found of many. Others are asked for one by one.
 */
async function listChecks({ store }: Vault, source: string, ids: readonly string[]): Promise<Checks> {
  const checks: Checks = new Map();
  const logs = ids.filter((id) => parseBackupId(id)?.kind === "log").sort();
  const [oldest, newest] = [logs[0], logs.at(-1)];
  for (const id of ids) if (logs.length < 2 || !logs.includes(id)) checks.set(id, await listEvidence(store, source, id));
  if (oldest === undefined || newest === undefined || oldest === newest) return checks;
  for await (const name of listRoom(store, "evidence", parseEvidenceKey, { source, since: oldest })) {
    if (name.id > newest) break;
    const known = checks.get(name.id) ?? [];
    known.push(name);
    checks.set(name.id, known);
  }
  return checks;
}
