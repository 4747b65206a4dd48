/** `holdfast hold`: legal holds. */
import { holdBackup, listHeld, releaseHold, seekRelease } from "../../pipeline/hold.ts";
import { renderTable } from "../../report/format.ts";
import { obtainApproval } from "../approving.ts";
import type { ApprovalOptions } from "../command-shape.ts";
import type { Outcome, Session } from "../session.ts";

export async function addHold({ context }: Session, reference: string, { reason }: { readonly reason: string }): Promise<Outcome> {
  const hold = await holdBackup(context, reference, reason);
  return { document: hold, lines: [`${hold.backupId} of ${hold.source} is held: ${reason}`] };
}

export async function removeHold(session: Session, reference: string, options: ApprovalOptions): Promise<Outcome> {
  const { context } = session;
  const { approval, outcome } = await obtainApproval(session, options, (asking) => seekRelease(context, reference, asking));
  if (outcome !== undefined) return outcome;
  const { source, backupId } = await releaseHold(context, reference, approval);
  return {
    document: { source, backupId, held: false },
    lines: [`${backupId} of ${source}: hold removed; retention applies again`],
  };
}

export async function listHolds({ context }: Session, source: string | undefined): Promise<Outcome> {
  const { holds, unread } = await listHeld(context, source);
  const [first] = unread;
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
