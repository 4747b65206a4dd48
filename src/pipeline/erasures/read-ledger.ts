/** Reads a source's erasure ledger: checks every entry and opens it. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { openErasure } from "../../sealing/erasure-seal.ts";
import type { SealingKeys } from "../../sealing/keys.ts";
import { type ErasureContent, type ErasureEntry, findContentProblem } from "../../vault/documents/erasure-entry.ts";
import { parseDocument } from "../../vault/documents/parse-document.ts";
import { listHiddenErasures, readErasures } from "../../vault/erasure-ledger.ts";
import type { ChainItem } from "../../vault/signed-chain.ts";
import type { SignedVault } from "../../vault/vault.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { OpenedErasure } from "./choose-erasures.ts";

/** A ledger as far as it can be read. */
export interface Ledger {
  /** Those that count, in their order. */
  readonly entries: readonly OpenedErasure[];
  /**
   * What is wrong with it, each a whole sentence: then nobody can say that nothing of it is
   * missing.
   */
  readonly problems: readonly string[];
}

/** Data keys are opened so many at a time: with KMS each is a request. */
const openAtOnce = 16;

/** Errors: those of ObjectStore but for a denied one, KeyUnavailable where there is no key. */
export async function readLedger(context: PipelineContext, vault: SignedVault, source: string): Promise<Ledger> {
  const items: ChainItem<ErasureEntry>[] = [];
  try {
    for await (const item of readErasures(vault, source, context.run.clock.now())) items.push(item);
  } catch (error) {
    if (!isHoldfastError(error, "StoreAccessDenied")) throw error;
    return { entries: [], problems: [`the ledger of ${source} cannot be read: ${error.message}`] };
  }
  for await (const hidden of listHidden(context, vault, source)) items.push(hidden);
  const entries: OpenedErasure[] = [];
  const problems: string[] = [];
  for (let at = 0; at < items.length; at += openAtOnce) {
    const opened = await Promise.all(items.slice(at, at + openAtOnce).map((item) => openItem(context, vault, source, item)));
    for (const each of opened) {
      if (typeof each === "string") problems.push(each);
      else entries.push(each);
    }
  }
  return { entries, problems };
}

/** The entry opened, or what is wrong with it. */
async function openItem(
  context: PipelineContext,
  vault: SignedVault,
  source: string,
  item: ChainItem<ErasureEntry>,
): Promise<OpenedErasure | string> {
  const bad = (problem: string): string => `${item.key} in ${vault.store.url} ${problem}`;
  if ("problem" in item) return bad(item.problem);
  if (!item.certain) return bad("could not be checked: a public key of the policy is not at hand");
  const { number, id, recordedAt, sealed } = item.entry;
  try {
    const keys = await openingKeysFor(context, source);
    const content = await openContent(Buffer.from(sealed, "base64"), keys, { vaultId: vault.id, source });
    return typeof content === "string" ? bad(content) : { number, id, recordedAt, content };
  } catch (error) {
    if (!isHoldfastError(error, "SealInvalid", "KeyMissing", "KeyUnavailable", "KeyFileInvalid")) throw error;
    return bad(`cannot be opened: ${error.message}`);
  }
}

async function openContent(
  sealed: Uint8Array,
  keys: SealingKeys,
  context: { readonly vaultId: string; readonly source: string },
): Promise<ErasureContent | string> {
  const parsed = parseDocument(await openErasure(sealed, { keys, context }));
  // A parser's words may repeat what it read.
  if (parsed.problem !== undefined) return "holds something that is not an erasure";
  const problem = findContentProblem(parsed.value);
  return problem === undefined ? (parsed.value as ErasureContent) : `breaks the format: ${problem}`;
}

/** Who may not see versions reads the ledger all the same: it is not known to be short. */
async function* listHidden({ run }: PipelineContext, vault: SignedVault, source: string): AsyncGenerator<ChainItem<ErasureEntry>> {
  try {
    yield* listHiddenErasures(vault, source);
  } catch (error) {
    if (!isHoldfastError(error, "StoreAccessDenied")) throw error;
    run.log.info(`whether entries of the erasure ledger were deleted cannot be seen: ${error.message}`);
  }
}
