/**
 * Tries on a store what a backup does to it: create and refuse to overwrite, whole and in parts,
 * read back, lock, delete.
 */
import type { Finding } from "../../engines/finding.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore, PutOptions } from "../../vault/object-store.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/**
 * The lock of a probe: longer than two clocks may differ, and short enough that the next check can
 * delete it.
 */
const probeLockMs = 120_000;
/** A probe of this age belongs to no check that still runs. */
const staleProbeMs = 600_000;

const content = Buffer.from("holdfast check\n");
const other = Buffer.from("overwritten\n");

/**
 * Writes probes and deletes them; a locked one stays until a check after its two minutes. Artifacts
 * are written in parts, leases and documents whole: `artifacts` says whether both are tried.
 * Errors: those of ObjectStore.
 */
export async function checkWriting(
  { run }: PipelineContext,
  store: ObjectStore,
  subject: string,
  { artifacts }: { readonly artifacts: boolean },
): Promise<Finding[]> {
  const now = run.clock.now();
  await removeStaleProbes(store, now);
  const name = Buffer.from(run.randomBytes(8)).toString("hex");
  const tries: readonly [string, PutOptions, string][] = [
    [keyOf.probe(name), {}, "an object"],
    ...(artifacts ? [[keyOf.probe(`${name}-parts`), { inParts: true }, "an object made of parts"] as const] : []),
  ].map(([key, options, what]) => [key as string, options as PutOptions, what as string]);
  const findings: Finding[] = [];
  try {
    for (const [key, options, what] of tries) findings.push(...(await tryKey(store, key, options, what)));
    if (artifacts && store.locks !== undefined) findings.push(...(await tryLock(store, keyOf.probe(`${name}-locked`), now)));
  } finally {
    for (const [key] of tries) findings.push(...(await tryDeletion(store, key)));
  }
  if (findings.some(({ level }) => level === "error")) return findings.map((each) => ({ ...each, subject }));
  const parts = artifacts ? ", also in parts," : "";
  const message = `${store.url} takes new objects${parts} gives them back and refuses to overwrite them`;
  return [{ level: "ok", subject, message }, ...findings.map((each) => ({ ...each, subject }))];
}

/**
 * Conditional creation is what keeps two runs from committing one backup: some S3-compatible stores
 * accept it and ignore it.
 */
async function tryKey(store: ObjectStore, key: string, options: PutOptions, what: string): Promise<Finding[]> {
  await store.put(key, content, { ...options, ifAbsent: true });
  try {
    await store.put(key, other, { ...options, ifAbsent: true });
    const message = `${store.url} ignores If-None-Match for ${what}: two runs could overwrite each other's backups`;
    return [{ level: "error", subject: "", message, remedy: "Use a store that refuses to overwrite (docs/vault-format.md)." }];
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
  }
  const { bytes } = await readSmall(store, key);
  if (content.equals(bytes)) return [];
  const message = `${store.url} gave back other bytes than were stored for ${what}`;
  return [{ level: "error", subject: "", message, remedy: "Do not keep backups there." }];
}

async function tryLock(store: ObjectStore, key: string, now: Date): Promise<Finding[]> {
  await store.put(key, content, { ifAbsent: true, retainUntil: new Date(now.getTime() + probeLockMs) });
  const left = await deleteProbe(store, key);
  if (left !== "deleted") return [];
  const message = `${store.url} deleted an object that it had locked: its locks protect nothing`;
  return [{ level: "error", subject: "", message, remedy: "Turn Object Lock on for the bucket, or name another." }];
}

/**
 * An identity that only adds is a good one for backups; then its probes stay for one that prunes.
 */
async function tryDeletion(store: ObjectStore, key: string): Promise<Finding[]> {
  if ((await deleteProbe(store, key)) !== "not allowed") return [];
  const message = `this identity may not delete: ${key} stays, and \`holdfast prune\` needs an identity that may`;
  return [{ level: "ok", subject: "", message }];
}

async function deleteProbe(store: ObjectStore, key: string): Promise<"deleted" | "locked" | "not allowed"> {
  try {
    return (await store.delete(key)) === undefined ? "deleted" : "locked";
  } catch (error) {
    if (isHoldfastError(error, "StoreAccessDenied", "VaultInvalid", "StoreUnavailable")) return "not allowed";
    throw error;
  }
}

/** What earlier checks had to leave: locked probes, and those of runs that were killed. */
async function removeStaleProbes(store: ObjectStore, now: Date): Promise<void> {
  for await (const { key, modifiedAt } of store.list(keyOf.probe(""))) {
    if (now.getTime() - modifiedAt.getTime() > staleProbeMs) await deleteProbe(store, key);
  }
}
