/** `holdfast kept`: the kept restores of this user on this machine, and an end to them. */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type Environment, type KeptEntry, listKept } from "../keeper/kept-registry.ts";
import type { Outcome } from "../session.ts";

/** An orderly end takes a second; a directory of gigabytes takes longer. */
const maxEndMs = 60_000;
const betweenLooksMs = 100;

/** Lists them, or ends one of them, or all. Errors: BackupNotFound, ThrowawayFailed. */
export async function kept({ end }: { readonly end?: string | undefined }, environment: Environment): Promise<Outcome> {
  const entries = await listKept(environment);
  if (end === undefined) return { document: { kept: entries.map(shown) }, lines: describe(entries) };
  const chosen = end === "all" ? entries : entries.filter(({ id }) => id === end);
  if (chosen.length === 0 && end !== "all") {
    throw new HoldfastError("BackupNotFound", `no restore ${JSON.stringify(end)} is kept here`, {
      hint: "`holdfast kept` lists those that are: give one's id, or all.",
    });
  }
  for (const { pid } of chosen) signalEnd(pid);
  for (const entry of chosen) await awaitEnd(entry, environment);
  return {
    document: { ended: chosen.map(({ id }) => id) },
    lines: chosen.map(({ id, backupId }) => `ended ${id}, of ${backupId}`),
  };
}

function shown({ id, source, backupId, until, access }: KeptEntry) {
  return { id, source, backupId, until, access };
}

function describe(entries: readonly KeptEntry[]): string[] {
  if (entries.length === 0) return ["no restore is kept here"];
  return entries.flatMap(({ id, source, backupId, until, access }) => [
    `${id}  ${backupId} of ${source}, until ${until}`,
    ...access.map((line) => `        ${line}`),
  ]);
}

function signalEnd(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It has ended meanwhile.
  }
}

async function awaitEnd({ id, pid }: KeptEntry, environment: Environment): Promise<void> {
  for (let waitedMs = 0; waitedMs < maxEndMs; waitedMs += betweenLooksMs) {
    if (!(await listKept(environment)).some((entry) => entry.id === id)) return;
    await sleep(betweenLooksMs);
  }
  throw new HoldfastError("ThrowawayFailed", `the kept restore ${id} does not end`, {
    hint: `Look at process ${pid}; when it is gone, so is what it kept.`,
  });
}
