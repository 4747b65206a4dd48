/** Writes down in a vault's audit trail what somebody did. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { withoutUndefined } from "../../policy/defined.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { appendAudit } from "../../vault/audit-trail.ts";
import { type ApprovalRequest, maxEntryTextLength, type SignedDecision } from "../../vault/documents/approval.ts";
import type { AuditAction, AuditEntry } from "../../vault/documents/audit-entry.ts";
import type { SignedVault } from "../../vault/vault.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Who runs this, for documents: the person, and the machine and process; or the execution. */
export function identityOf({ actor, identity }: RunContext): string {
  return actor === undefined ? identity : `${actor}@${identity}`;
}

/** The same person in every run of theirs: `ada@host`; or the execution. */
export function personOf({ actor, identity }: RunContext): string {
  return actor === undefined ? identity : `${actor}@${identity.replace(/:\d+$/, "")}`;
}

/** What was done, and with what. */
export interface Action {
  readonly action: AuditAction;
  readonly source?: string | undefined;
  readonly backupId?: string | undefined;
  readonly reason?: string | undefined;
  readonly details?: Readonly<Record<string, string>> | undefined;
  /** Of approvals (vault/documents/approval.ts). */
  readonly request?: ApprovalRequest | undefined;
  readonly answer?: SignedDecision | undefined;
  readonly requestSha256?: string | undefined;
}

/**
 * Adds the action to the trail, under the name of who runs this. Errors: those of the signer and of
 * the store. A run that must not sign (`handOver`) writes nothing: who records for it does. Gives
 * the entry as it was written.
 */
export async function recordAction(context: PipelineContext, vault: SignedVault, action: Action): Promise<AuditEntry | undefined> {
  const { run, policy, holdfastVersion } = context;
  if (context.handOver !== undefined) return undefined;
  const now = run.clock.now();
  const retainUntil = policy.auditKeepSeconds === 0 ? undefined : new Date(now.getTime() + policy.auditKeepSeconds * 1000);
  const signer = await context.signerOf(action.source ?? "");
  return appendAudit(
    vault,
    { ...withinLimits(action), at: now.toISOString(), by: identityOf(run), holdfastVersion },
    signer,
    retainUntil,
  );
}

/** An entry is small, whatever a reason's author wrote. */
function withinLimits({ reason, details, ...facts }: Action): Action {
  const short = (value: string): string => value.slice(0, maxEntryTextLength);
  return withoutUndefined({
    ...facts,
    reason: reason === undefined ? undefined : short(reason),
    details: details && Object.fromEntries(Object.entries(details).map(([name, value]) => [name, short(value)])),
  });
}

/**
 * As recordAction, of what must not wait for the trail: on the worst day a vault may be read-only.
 * What could not be written down is warned of.
 */
export async function tryToRecord(context: PipelineContext, vault: SignedVault, action: Action): Promise<void> {
  try {
    await recordAction(context, vault, action);
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    context.run.log.warn(`the audit trail in ${vault.store.url} does not say so (${action.action}): ${error.message}`);
  }
}
