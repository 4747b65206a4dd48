/**
 * Which damaged backups somebody was alerted of, an object each: the one that has alerted writes
 * it, and the watch alerts of the others. Apart from the watch's own record, which one writer
 * replaces.
 */
import { classOfFailure } from "../../alerts/severity.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { isBackupId, isSourceName } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

const folder = "watch/damaged/";

/**
 * Notes that somebody was alerted of these backups' damage. Never throws: what could not be noted
 * is alerted once more.
 */
export async function noteDamageTold(
  store: ObjectStore,
  source: string,
  backupIds: readonly string[],
  run: Pick<RunContext, "log" | "signal">,
): Promise<void> {
  if (!isSourceName(source)) return;
  for (const id of backupIds.filter(isBackupId)) {
    try {
      await store.put(keyOf(source, id), Buffer.from("{}\n"), { signal: run.signal });
    } catch (error) {
      run.log.warn(`could not note that an alert of ${id} was sent: it will be sent again`, { cause: String(error) });
    }
  }
}

/** Errors: those of the store. */
export async function listDamageTold(store: ObjectStore, source: string, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const prefix = `${folder}${source}/`;
  const ids = new Set<string>();
  for await (const { key } of store.list(prefix, { signal })) ids.add(key.slice(prefix.length));
  return ids;
}

/** A backup that is damaged again later is alerted again. Errors: those of the store. */
export async function forgetDamageTold(store: ObjectStore, source: string, backupIds: readonly string[]): Promise<void> {
  for (const id of backupIds) await store.delete(keyOf(source, id));
}

/** Whether an alert of this error, or of this outcome, says that its backup is damaged. */
export function saysDamage(name: string): boolean {
  return ["damaged", "disproven"].includes(name) || ["lost", "disproven"].includes(classOfFailure(name));
}

const keyOf = (source: string, id: string): string => `${folder}${source}/${id}`;
