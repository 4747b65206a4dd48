/** The audit trail of a vault: a chain of entries (signed-chain.ts) about what people do. */
import type { Signer } from "../proof/statement.ts";
import { type AuditEntry, judgeEntry, signEntry, signedEntryShape } from "./documents/audit-entry.ts";
import { formatVersion } from "./documents/format-version.ts";
import { auditPrefix, keyOf, parseAuditKey } from "./layout.ts";
import {
  appendToChain,
  type ChainEntry,
  type ChainItem,
  type ChainProblem,
  type ChainRules,
  listHiddenEntries,
  type ReadEntry,
  readChain,
  readChainEntry,
} from "./signed-chain.ts";
import type { SignedVault } from "./vault.ts";

/** What the caller says of an action; the trail adds number, vault and chain. */
export type AuditFacts = Omit<AuditEntry, "formatVersion" | "vaultId" | "number" | "previous">;

export type TrailEntry = ChainEntry<AuditEntry>;
export type TrailItem = ChainItem<AuditEntry>;

const rules: ChainRules<AuditEntry> = {
  name: "audit trail",
  prefix: auditPrefix,
  keyOf: keyOf.auditEntry,
  parseKey: parseAuditKey,
  shape: signedEntryShape,
  judge: judgeEntry,
  sign: signEntry,
  timeOf: ({ at }) => at,
};

/**
 * Adds an entry at the end of the trail. Errors: UsageInvalid for what cannot be an entry; those of
 * appendToChain.
 */
export async function appendAudit(
  vault: SignedVault,
  facts: AuditFacts,
  signer: Signer,
  retainUntil: Date | undefined,
): Promise<AuditEntry> {
  const make = (end: Pick<AuditEntry, "number" | "previous">): AuditEntry => ({
    ...facts,
    formatVersion,
    vaultId: vault.id,
    ...end,
  });
  const [entry] = await appendToChain(vault, rules, [make], signer, retainUntil);
  return entry as AuditEntry;
}

/** The whole trail, as readChain says, and what of it is hidden. */
export async function* readTrail(vault: SignedVault, now: Date): AsyncGenerator<TrailItem, void, undefined> {
  yield* readChain(vault, rules, now);
  yield* listHiddenEntries(vault, rules);
}

/** The entry of a number, what is wrong with it by itself, or undefined where it is gone. */
export function readAuditEntry(vault: SignedVault, number: number): Promise<ReadEntry<AuditEntry> | ChainProblem | undefined> {
  return readChainEntry(vault, rules, number);
}
