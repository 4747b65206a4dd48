/** The step that reads and checks the audit trails of every vault of the policy. */
import { type HoldfastError, isHoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import { readTrail } from "../../vault/audit-trail.ts";
import type { AuditEntry } from "../../vault/documents/audit-entry.ts";
import { vaultsOf } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Which entries are wanted; absent: all. The whole trail is checked in any case. */
export interface AuditFilter {
  readonly source?: string | undefined;
  /** An action, or what stands before its dot: `restore`. */
  readonly action?: string | undefined;
  /** A part of the name of who did it. */
  readonly by?: string | undefined;
  readonly since?: Date | undefined;
}

export interface ReadAudit {
  readonly vault: string;
  readonly url: string;
  /** Oldest first. */
  readonly entries: readonly (AuditEntry & { readonly certain: boolean })[];
  readonly entriesChecked: number;
  /** What is wrong with the trail, each a whole sentence. */
  readonly problems: readonly string[];
  /** Why it could not be read. */
  readonly error?: HoldfastError | undefined;
}

/**
 * The trail of each vault; one that was never written to has none, and one that cannot be read says
 * why. Errors: Interrupted.
 */
export async function readTrails(context: PipelineContext, filter: AuditFilter): Promise<readonly ReadAudit[]> {
  const trails: ReadAudit[] = [];
  for (const name of vaultsOf(context.policy)) {
    try {
      trails.push(await readOne(context, name, filter));
    } catch (error) {
      context.run.signal.throwIfAborted();
      if (isHoldfastError(error, "VaultNotFound")) continue;
      trails.push({ vault: name, url: name, entries: [], entriesChecked: 0, problems: [], error: toHoldfastError(error) });
    }
  }
  return trails;
}

async function readOne(context: PipelineContext, name: string, filter: AuditFilter): Promise<ReadAudit> {
  const vault = await context.vaultOf(name);
  const entries: (AuditEntry & { readonly certain: boolean })[] = [];
  const problems: string[] = [];
  let entriesChecked = 0;
  for await (const item of readTrail(vault, context.run.clock.now())) {
    if ("problem" in item) problems.push(`${item.key} in ${vault.store.url} ${item.problem}`);
    else {
      entriesChecked += 1;
      if (isWanted(item.entry, filter)) entries.push({ ...item.entry, certain: item.certain });
    }
  }
  return { vault: name, url: vault.store.url, entries, entriesChecked, problems };
}

function isWanted(entry: AuditEntry, { source, action, by, since }: AuditFilter): boolean {
  return (
    (source === undefined || entry.source === source) &&
    (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`)) &&
    (by === undefined || entry.by.includes(by)) &&
    (since === undefined || Date.parse(entry.at) >= since.getTime())
  );
}
