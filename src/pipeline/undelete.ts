/**
 * The step that brings back what was deleted or overwritten in a vault outside Holdfast, as far as
 * its bucket keeps versions, and reads the backups back that were concerned. What it brings back
 * and what it leaves: docs/adr/0051-what-is-brought-back.md.
 */
import { HoldfastError, isHoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import { mapInBatches } from "../runtime/map-in-batches.ts";
import { listBackups } from "../vault/catalogue.ts";
import type { BackupPlace } from "../vault/layout.ts";
import { confirmLost } from "../vault/list-lost.ts";
import { bringBack } from "../vault/undelete/bring-back.ts";
import type { SignedVault, Vault } from "../vault/vault.ts";
import { tryToRecord } from "./audit/record-action.ts";
import { listEntries } from "./list-source.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { requireVersions } from "./undelete/hidden-objects.ts";
import { type PlannedObject, planUndelete, type UndeletePlan } from "./undelete/plan-undelete.ts";
import type { Selection } from "./undelete/select-hidden.ts";
import { type VerifyResult, verifyBackup } from "./verify.ts";

export interface UndeleteOptions extends Selection {
  readonly dryRun: boolean;
  /** Whether the backups that came back are read back. */
  readonly verify: boolean;
}

/** An object that should have come back. */
export interface FailedObject {
  readonly key: string;
  readonly error: HoldfastError;
}

export interface Undeleted {
  readonly vault: string;
  readonly url: string;
  /** Whether the store keeps versions: without them nothing can be hidden, or brought back. */
  readonly keepsVersions: boolean;
  readonly objects: readonly PlannedObject[];
  /** Why a backup has no genuine manifest, by `source/id`. */
  readonly problems: ReadonlyMap<string, string>;
  readonly failed: readonly FailedObject[];
  /** What the backups are like now; nothing in a dry run. */
  readonly verified: readonly VerifyResult[];
  readonly unjudged: readonly (BackupPlace & { readonly error: HoldfastError })[];
  /** Backups whose manifest is gone for good: evidence alone tells of them. */
  readonly lost: readonly BackupPlace[];
}

/**
 * Brings back what the selection names in one of the policy's vaults. What cannot be brought back
 * does not keep the rest from coming back. Idempotent.
 * Errors: those of planUndelete and of the store as a whole; the first object's, where none could
 * be brought back.
 */
export async function undeleteVault(context: PipelineContext, vaultName: string, options: UndeleteOptions): Promise<Undeleted> {
  const store = await context.storeOf(vaultName);
  const versioned = await requireVersions(store);
  const none = { objects: [], problems: new Map(), failed: [], verified: [], unjudged: [] };
  const named = { vault: vaultName, url: store.url, keepsVersions: versioned !== undefined };
  if (versioned === undefined)
    return { ...named, ...none, lost: await findLost(context, await context.vaultOf(vaultName), options) };
  const plan = await planUndelete(context, versioned, options).catch((error: unknown) => {
    throw isHoldfastError(error) ? withRights(error) : error;
  });
  const planned = { ...named, objects: plan.objects, problems: plan.problems };
  const wanted = plan.objects.filter(({ left }) => left === undefined);
  if (options.dryRun) return { ...none, ...planned, lost: await findLost(context, plan.vault, options, wanted) };
  const failed = await bringAllBack(context, plan, wanted);
  const [first] = failed;
  if (first !== undefined && failed.length === wanted.length) throw withRights(first.error);
  const vault = await context.vaultOf(vaultName);
  if (wanted.length > failed.length) {
    const objects = String(wanted.length - failed.length);
    await tryToRecord(context, vault, { action: "vault.undeleted", source: options.source, details: { objects } });
  }
  const read = options.verify ? await readBack(context, vault, wanted) : { verified: [], unjudged: [] };
  return { ...planned, failed, ...read, lost: await findLost(context, vault, options) };
}

/** One kind after the other, in the plan's order; of each, some at once. */
async function bringAllBack(
  { run }: PipelineContext,
  { versioned: { store, versions } }: UndeletePlan,
  wanted: readonly PlannedObject[],
): Promise<readonly FailedObject[]> {
  const failed: FailedObject[] = [];
  run.progress.phase("undelete");
  for (const kind of new Set(wanted.map(({ object }) => object.kind))) {
    const ofKind = wanted.filter(({ object }) => object.kind === kind);
    const bring = async ({ object: { key }, genuine }: PlannedObject): Promise<void> => {
      try {
        await bringBack(store, versions, key, genuine, { now: run.clock.now(), signal: run.signal });
      } catch (error) {
        run.signal.throwIfAborted();
        failed.push({ key, error: toHoldfastError(error) });
      }
    };
    await mapInBatches(ofKind, bring, run.signal);
  }
  return failed;
}

function withRights(error: HoldfastError): HoldfastError {
  if (!isHoldfastError(error, "StoreAccessDenied")) return error;
  return new HoldfastError("StoreAccessDenied", error.message, {
    cause: error,
    hint:
      "Run this as a person who may s3:ListBucketVersions, s3:GetObjectVersion and s3:DeleteObjectVersion, or s3:PutObject instead of the last one " +
      "(docs/immutability.md); no role of a stack has them.",
  });
}

/** Reads the backups back of which anything came back. */
async function readBack(
  context: PipelineContext,
  vault: Vault,
  wanted: readonly PlannedObject[],
): Promise<Pick<Undeleted, "verified" | "unjudged">> {
  const verified: VerifyResult[] = [];
  const unjudged: Undeleted["unjudged"][number][] = [];
  const places = wanted.flatMap(({ object: { place, kind } }) => (place === undefined || kind === "tombstone" ? [] : [place]));
  const names = new Set(places.map(nameOf));
  for (const source of new Set(places.map((place) => place.source))) {
    for await (const entry of listEntries(context, vault, { source })) {
      if (!names.has(nameOf(entry))) continue;
      try {
        verified.push(await verifyBackup(context, { entry, vault }));
      } catch (error) {
        context.run.signal.throwIfAborted();
        unjudged.push({ source, id: entry.id, error: toHoldfastError(error) });
      }
    }
  }
  return { verified, unjudged };
}

/** Backups of which there is evidence and no manifest, and none that comes back. */
async function findLost(
  { run }: PipelineContext,
  vault: SignedVault,
  { source }: Selection,
  wanted: readonly PlannedObject[] = [],
): Promise<readonly BackupPlace[]> {
  const unclaimed: BackupPlace[] = [];
  const options = {
    now: run.clock.now(),
    signal: run.signal,
    source,
    onUnclaimed: (place: BackupPlace) => void unclaimed.push(place),
  };
  for await (const _entry of listBackups(vault, options)) run.signal.throwIfAborted();
  const back = new Set(wanted.flatMap(({ object: { kind, place } }) => (kind === "manifest" && place ? [nameOf(place)] : [])));
  return (await confirmLost(vault, unclaimed)).filter((place) => !back.has(nameOf(place)));
}

const nameOf = ({ source, id }: BackupPlace): string => `${source}/${id}`;
