/** `holdfast hold`: legal holds. */
import { userInfo } from "node:os";
import { HoldfastError, isHoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import { findInVaults, vaultsFor, vaultsOf } from "../../pipeline/catalogue/find-backups.ts";
import { renderTable } from "../../report/format.ts";
import {
  addHold as add,
  type Hold,
  listHolds as listAll,
  removeHold as remove,
  type UnreadableHold,
} from "../../vault/documents/holds.ts";
import type { Outcome, Session } from "../session.ts";

export async function addHold({ context }: Session, reference: string, options: { readonly reason: string }): Promise<Outcome> {
  if (options.reason.trim() === "") {
    throw new HoldfastError("UsageInvalid", "a hold needs a reason", {
      hint: 'Say why, for those who find it years later: --reason "case 2026-114".',
    });
  }
  const { entry, vault } = await findInVaults(context, reference);
  const hold: Hold = {
    formatVersion: 2,
    source: entry.source,
    backupId: entry.id,
    by: `${userName()}@${context.run.identity}`,
    reason: options.reason,
    at: context.run.clock.now().toISOString(),
  };
  await add(vault, hold, await context.signerOf(entry.source));
  return { document: hold, lines: [`${entry.id} of ${entry.source} is held: ${options.reason}`] };
}

/** In a container this user may have a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

export async function removeHold({ context }: Session, reference: string): Promise<Outcome> {
  const { entry, vault } = await findInVaults(context, reference);
  await remove(vault, entry.source, entry.id);
  return {
    document: { source: entry.source, backupId: entry.id, held: false },
    lines: [`${entry.id} of ${entry.source}: hold removed; retention applies again`],
  };
}

export async function listHolds({ context }: Session, source: string | undefined): Promise<Outcome> {
  const vaults = source === undefined ? vaultsOf(context.policy) : vaultsFor(context.policy, source);
  const holds: (Hold | UnreadableHold)[] = [];
  const unread: HoldfastError[] = [];
  for (const vault of vaults) {
    try {
      for await (const hold of listAll(await context.vaultOf(vault), source)) holds.push(hold);
    } catch (error) {
      context.run.signal.throwIfAborted();
      if (!isHoldfastError(error, "VaultNotFound")) unread.push(toHoldfastError(error));
    }
  }
  const [first] = unread;
  if (first !== undefined && unread.length === vaults.length) throw first;
  const lines =
    holds.length === 0
      ? [first === undefined ? "no holds" : "no holds in the other vaults"]
      : renderTable({
          head: ["SOURCE", "BACKUP", "SINCE", "BY", "REASON"],
          rows: holds.map((hold) =>
            "problem" in hold
              ? [hold.source, hold.backupId, "unknown", "unknown", `cannot be read: ${hold.problem}`]
              : [hold.source, hold.backupId, hold.at, hold.by, hold.reason],
          ),
        });
  if (first === undefined) return { document: { holds }, lines };
  return {
    document: { holds, unread: unread.map(({ name, message, hint }) => ({ name, message, hint })) },
    lines: [...unread.flatMap(({ name, message, hint }) => [`not read  ${message} (${name})`, `  ${hint}`]), ...lines],
    exitCode: first.exitCode,
  };
}
