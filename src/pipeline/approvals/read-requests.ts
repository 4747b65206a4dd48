/** The requests in the policy's vaults, with what has become of them. */
import { HoldfastError, isHoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import { readTrail, type TrailItem } from "../../vault/audit-trail.ts";
import type { Approvers } from "../../vault/judge-answer.ts";
import { type RequestStates, type RequestStatus, readRequestStates } from "../../vault/request-states.ts";
import type { SignedVault, Vault } from "../../vault/vault.ts";
import { vaultsOf } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Those of one vault. Errors: those of ObjectStore. */
export async function readRequests(context: PipelineContext, vault: SignedVault, approvers: Approvers): Promise<RequestStates> {
  const now = context.run.clock.now();
  const items: TrailItem[] = [];
  for await (const item of readTrail(vault, now)) items.push(item);
  return readRequestStates(items, approvers, now);
}

interface VaultRequests extends RequestStates {
  readonly vault: string;
  /** Why they could not be read. */
  readonly error?: HoldfastError | undefined;
}

/** Those of every vault; one that was never written to has none. Errors: Interrupted. */
export async function listRequests(context: PipelineContext, approvers: Approvers): Promise<readonly VaultRequests[]> {
  const listed: VaultRequests[] = [];
  for (const name of vaultsOf(context.policy)) {
    try {
      listed.push({ vault: name, ...(await readRequests(context, await context.vaultOf(name), approvers)) });
    } catch (error) {
      context.run.signal.throwIfAborted();
      if (isHoldfastError(error, "VaultNotFound")) continue;
      listed.push({ vault: name, requests: [], problems: [], error: toHoldfastError(error) });
    }
  }
  return listed;
}

export interface FoundRequest {
  readonly status: RequestStatus;
  readonly vault: Vault;
}

/** Shorter ones are slips of the keyboard. */
const minPrefix = 4;

/**
 * The request that `id` begins the name of. Errors: UsageInvalid when it is ambiguous or is no such
 * beginning, RequestNotFound, those of a vault that could not be read.
 */
export async function findRequest(context: PipelineContext, id: string, approvers: Approvers): Promise<FoundRequest> {
  if (id.length < minPrefix || !/^[0-9a-f]+$/.test(id)) {
    throw new HoldfastError("UsageInvalid", `"${id}" is not a request: its name is made of hex digits, ${minPrefix} at least`);
  }
  const listed = await listRequests(context, approvers);
  const found = listed.flatMap(({ vault, requests }) =>
    requests.filter(({ sha256 }) => sha256.startsWith(id)).map((status) => ({ vault, status })),
  );
  const [first, second] = found;
  if (second !== undefined) {
    throw new HoldfastError("UsageInvalid", `"${id}" is ambiguous: ${found.length} requests begin with it`, {
      hint: "Write more of the name.",
      details: found.map(({ vault, status }) => `${status.sha256} in ${vault}`),
    });
  }
  if (first !== undefined) return { status: first.status, vault: await context.vaultOf(first.vault) };
  const unread = listed.find(({ error }) => error !== undefined)?.error;
  if (unread !== undefined) throw unread;
  throw new HoldfastError("RequestNotFound", `no request begins with ${id}`);
}
