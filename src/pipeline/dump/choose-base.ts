/** Which backup a new one builds on: the newest sound one of the kinds that its rule names. */
import type { BackupReader, Engine } from "../../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupKind, SourceConfig } from "../../policy/policy.ts";
import type { Notice } from "../../proof/content.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import type { BackupBase, Manifest } from "../../vault/documents/manifest.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { Vault } from "../../vault/vault.ts";
import { recordDamage } from "../damage/record-damage.ts";
import { chainedHistoryOf } from "../list-source.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import { readDigestKey } from "../opening/digest-keys.ts";
import { requireBase } from "../opening/open-chain.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import { openBackup } from "../opening/read-backup.ts";
import type { PipelineContext } from "../pipeline-context.ts";

export interface ChosenBase {
  /** What was asked for; `full` where that has nothing to build on. */
  readonly kind: BackupKind;
  readonly base?: { readonly record: BackupBase; readonly reader: BackupReader };
  readonly notices: readonly Notice[];
  /** When a candidate was last recorded as damaged; what is made is begun in a later second. */
  readonly skippedAt?: Date | undefined;
}

/**
 * Chooses the base of a backup of `kind`. What is damaged, or builds on what is, is skipped. A
 * candidate that its documents do not bear out is recorded as damaged, which also tells a listing
 * that nothing later builds on it (chains.ts).
 * Without any, a full is made instead, which a notice says. Errors: BackupNotFound, for a log, and
 * where the engine makes no full ones; KeyUnavailable, KeyFileInvalid, those of ObjectStore.
 */
export async function chooseBase(
  context: PipelineContext,
  vault: Vault,
  source: SourceConfig,
  kind: BackupKind,
): Promise<ChosenBase> {
  const buildsOn = source.traits.chains[kind];
  if (buildsOn === undefined) return { kind, notices: [] };
  const { backups } = await chainedHistoryOf(context, vault, source.name);
  const now = context.run.clock.now();
  let skippedAt: Date | undefined;
  const engine = await context.engineOf(source.engine);
  for (const entry of backups.toReversed()) {
    if (entry.startedAt > now || entry.state === "damaged" || !mayBuildOn(source, kind, entry.kind)) continue;
    const base = await tryBase(context, vault, entry, engine);
    if (base !== undefined) return { kind, base, notices: [], skippedAt };
    skippedAt = context.run.clock.now();
  }
  const lacks = `a ${kind} backup of ${source.name} needs ${buildsOn === "latest-full" ? "a full one" : "one"} to build on, and there is none that is sound`;
  // A log in between is asked for every minute; a full takes hours, and has a schedule of its own.
  if (kind === "log" || !source.traits.kinds.includes("full")) {
    throw new HoldfastError("BackupNotFound", lacks, { hint: `Run \`holdfast backup ${source.name} --kind full\` first.` });
  }
  context.run.log.warn(`${lacks}: a full one is made instead`);
  return {
    kind: "full",
    notices: [{ code: "full-instead", subject: kind, message: `${lacks}: this full one was made instead` }],
    skippedAt,
  };
}

/**
 * How many links below a candidate are looked at: a request each, and logs are made often. A break
 * further down is found by a restore or a restore test (examine-base.ts follows more).
 */
const maxLinksBelow = 30;

function mayBuildOn({ traits }: SourceConfig, kind: BackupKind, base: BackupKind): boolean {
  return traits.chains[kind] === "latest-full" ? base === "full" : kind === "log" || base !== "log";
}

/** Errors: those of requireBase, for the manifest or one that it builds on. */
async function requireLinks(store: ObjectStore, manifest: Manifest, engine: Engine): Promise<void> {
  let link = await requireBase(store, manifest, engine);
  for (let below = 0; link !== undefined && below < maxLinksBelow; below += 1) link = await requireBase(store, link, engine);
}

/** The candidate as a base; undefined where its documents say that it is none. */
async function tryBase(context: PipelineContext, vault: Vault, entry: BackupEntry, engine: Engine): Promise<ChosenBase["base"]> {
  const { source, id } = entry;
  try {
    const { manifest, sha256 } = await readAuthenticManifest(context, vault, source, id);
    if (manifest.engine !== engine.name) return undefined;
    await requireLinks(vault.store, manifest, engine);
    const digestKey = await readDigestKey(context, vault, manifest);
    const { reader } = openBackup(vault, await openingKeysFor(context, source), manifest, engine, context.run, { digestKey });
    return { record: { id, manifestSha256: sha256 }, reader };
  } catch (error) {
    if (!isHoldfastError(error, "ManifestDamaged", "BackupNotFound", "ContentInvalid", "VaultInvalid", "KeyMissing")) throw error;
    context.run.log.warn(`${id} is not built on: ${error.message}`);
    if (isHoldfastError(error, "ManifestDamaged", "ContentInvalid")) await recordDamage(context, { entry, vault }, [error.message]);
    return undefined;
  }
}
