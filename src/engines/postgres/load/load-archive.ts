/**
 * Runs pg_restore over an archive so that rows keep the order of the dump, and reads its errors.
 */
import type { RunContext } from "../../../runtime/run-context.ts";
import { connect } from "../connection/driver.ts";
import type { ArchiveLoad } from "./archive-load.ts";
import { applyDelegatedRights } from "./grant-rights.ts";
import type { RestoreError } from "./load-errors.ts";
import { emptyPlan, isEmptyPlan, type LoadLists, splitList } from "./load-order.ts";
import { loadParallel } from "./load-parallel.ts";
import { assertLoadedAlone, listEntries, runRestore, writeList } from "./run-restore.ts";

/**
 * A streamed load begins anew without an entry that this place cannot take; so many times at most.
 */
const maxStreamAttempts = 200;

/**
 * Loads the archive; gives pg_restore's errors. From disk: in parallel, each table created and
 * filled in one transaction. Streamed: all in one transaction, which has to begin anew without any
 * entry that fails. Both ways a table's rows are appended in the archive's order; a plain serial
 * restore may fill gaps and change it, and is never used.
 * Errors: ThrowawayFailed when the server failed; DiskFull; whatever the archive's reader throws.
 */
export async function loadArchive(load: ArchiveLoad, context: RunContext): Promise<RestoreError[]> {
  const lists = await readLists(load, context);
  const errors = await loadEntries(load, lists?.first, context);
  errors.push(...(await grantDelegated(load, context)));
  errors.push(...(await loadRest(load, lists?.views, context)));
  await load.beforeLast?.();
  return [...errors, ...(await loadRest(load, lists?.last, context))];
}

/** Loads what is left of a list, in its order. */
async function loadRest(load: ArchiveLoad, list: readonly number[] = [], context: RunContext): Promise<RestoreError[]> {
  return list.length === 0 ? [] : loadEntries({ ...load, jobs: 1, keysBesideRows: true }, list, context);
}

async function grantDelegated({ delegated = [], settings }: ArchiveLoad, { signal }: RunContext): Promise<RestoreError[]> {
  if (delegated.length === 0) return [];
  const connection = await connect(settings, signal);
  try {
    return await applyDelegatedRights(delegated, connection);
  } finally {
    await connection.close();
  }
}

/** Loads the entries with these numbers; all of them without a list. */
async function loadEntries(load: ArchiveLoad, list: readonly number[] | undefined, context: RunContext): Promise<RestoreError[]> {
  if (load.source.kind === "stream") return loadStreamed(load, list, context);
  const jobs = `--jobs=${load.jobs}`;
  const chosen = list === undefined ? [] : [`--use-list=${await writeList(load, list)}`];
  if (load.keysBesideRows === true) return loadParallel(load, [...chosen, jobs], context);
  // In two runs: in one, a session may make a partitioned table's trigger while another still loads
  // its partitions, and the trigger fires. Tables and rows stay together, because only a table made
  // in the same run is filled in one transaction.
  const errors = await loadParallel(load, [...chosen, "--section=pre-data", "--section=data", jobs], context);
  return [...errors, ...(await loadParallel(load, [...chosen, "--section=post-data", jobs], context))];
}

async function loadStreamed(load: ArchiveLoad, list: readonly number[] | undefined, context: RunContext): Promise<RestoreError[]> {
  const found: RestoreError[] = [];
  const left = new Set<number>();
  for (let attempt = 0; attempt < maxStreamAttempts; attempt++) {
    const wanted = left.size === 0 ? list : (list ?? (await listEntries(load, context)).map(({ dumpId }) => dumpId));
    const kept = wanted?.filter((dumpId) => !left.has(dumpId));
    const chosen = kept === undefined ? [] : [`--use-list=${await writeList(load, kept)}`];
    const result = await runRestore(load, ["--single-transaction", "--verbose", ...chosen], context);
    assertLoadedAlone(result);
    const { errors, exitCode } = result;
    const [first] = errors;
    if (exitCode === 0 || first === undefined) return found;
    found.push(first);
    // Rows that do not load, and anything outside of the entries, are no matter of leaving one
    // definition out.
    if (first.dumpId === undefined || first.entry?.type === "TABLE DATA" || left.has(first.dumpId)) return found;
    left.add(first.dumpId);
  }
  return found;
}

/** The numbers that are loaded first and last; undefined where the archive's own order does. */
async function readLists(load: ArchiveLoad, context: RunContext): Promise<LoadLists | undefined> {
  const { order = emptyPlan, delegated = [], only } = load;
  if (isEmptyPlan(order) && delegated.length === 0 && only === undefined) return undefined;
  const listed = (await listEntries(load, context)).filter(({ dumpId }) => only?.has(dumpId) ?? true);
  return splitList(listed, order, new Set(delegated.map(({ entry }) => entry.dumpId)));
}
