/** The step that writes erasures into a source's ledger. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type ErasureForm, findEngine } from "../../policy/engine-policy.ts";
import { sealErasure } from "../../sealing/erasure-seal.ts";
import { canonicalJson } from "../../vault/documents/canonical-json.ts";
import { type ErasureContent, type ErasureEntry, findContentProblem, isErasureId } from "../../vault/documents/erasure-entry.ts";
import { appendErasures, type ErasureFacts, findById } from "../../vault/erasure-ledger.ts";
import { identityOf, recordAction } from "../audit/record-action.ts";
import { type PipelineContext, requireSource } from "../pipeline-context.ts";

/** What is asked to be recorded. */
export interface ErasureRequest extends Omit<ErasureContent, "by" | "erasedAt"> {
  /** The caller's own; one that is repeated is recorded once. Absent: a random one. */
  readonly id?: string | undefined;
  /** When it was erased in production; absent: now. */
  readonly erasedAt?: string | undefined;
}

/** An entry as its recorder is told of it: nothing of its content. */
export interface RecordedErasure {
  readonly id: string;
  readonly number: number;
  readonly recordedAt: string;
  /** It was there before, under this id. */
  readonly repeated: boolean;
}

/** How far ahead an erasure may be planned. */
const maxAheadMs = 400 * 86_400_000;

/**
 * Records all requests or, where one of them is not well-formed, none. `audited`: whether the audit
 * trail says so too; a function may add to the ledger and to nothing else.
 * Errors: SourceNotFound; UsageInvalid, naming every request that cannot be recorded, never with a
 * value of a key; those of keys, of signing and of the store.
 */
export async function recordErasures(
  context: PipelineContext,
  sourceName: string,
  requests: readonly ErasureRequest[],
  { audited, by }: { readonly audited: boolean; readonly by?: string | undefined },
): Promise<readonly RecordedErasure[]> {
  const source = requireSource(context.policy, sourceName);
  const now = context.run.clock.now();
  const complete = requests.map((request) => completeRequest(context, request, by ?? identityOf(context.run), now));
  refuseMalformed(context, source.engine, complete, now);
  const vault = await context.vaultOf(source.vault);
  const known = new Map<string, ErasureEntry>();
  for (const { id } of complete) {
    const entry = await findById(vault, sourceName, id);
    if (entry !== undefined) known.set(id, entry);
  }
  const fresh = complete.filter(({ id }, index) => !known.has(id) && complete.findIndex((other) => other.id === id) === index);
  const keys = await context.keysOf(source.key);
  const facts: ErasureFacts[] = [];
  for (const { id, content } of fresh) {
    const sealed = await sealErasure(canonicalJson(content), { keys, context: { vaultId: vault.id, source: sourceName } });
    const recordedAt = now.toISOString();
    facts.push({ id, recordedAt, holdfastVersion: context.holdfastVersion, sealed: Buffer.from(sealed).toString("base64") });
  }
  const { auditKeepSeconds } = context.policy;
  const retainUntil = auditKeepSeconds === 0 ? undefined : new Date(now.getTime() + auditKeepSeconds * 1000);
  const made = await appendErasures(vault, sourceName, facts, await context.signerOf(sourceName), retainUntil);
  if (audited && made.length > 0) {
    const details = { entries: String(made.length), from: String(made[0]?.number), to: String(made.at(-1)?.number) };
    await recordAction(context, vault, { action: "erasure.added", source: sourceName, details });
  }
  const entries = new Map([...known, ...made.map((entry) => [entry.id, entry] as const)]);
  return complete.map(({ id }) => {
    const { number, recordedAt } = entries.get(id) as ErasureEntry;
    return { id, number, recordedAt, repeated: known.has(id) };
  });
}

interface Complete {
  readonly id: string;
  readonly content: ErasureContent;
}

function completeRequest({ run }: PipelineContext, request: ErasureRequest, by: string, now: Date): Complete {
  const { id = Buffer.from(run.randomBytes(12)).toString("hex"), erasedAt, reason, reference, targets } = request;
  const at = erasedAt ?? now.toISOString();
  return { id, content: { erasedAt: at, by, reason, targets, ...(reference === undefined ? {} : { reference }) } };
}

function refuseMalformed({ engines }: PipelineContext, engine: string, requests: readonly Complete[], now: Date): void {
  const erases = findEngine(engines.policies, engine)?.erases;
  const problems = requests.flatMap(({ id, content }, index) => {
    const problem = isErasureId(id)
      ? (findContentProblem(content) ?? findMisfit(content, erases, engine, now))
      : "its id is not 1 to 100 letters, digits, '.', '_', ':' and '-'";
    return problem === undefined ? [] : [requests.length === 1 ? problem : `number ${index + 1}: ${problem}`];
  });
  const [first] = problems;
  if (requests.length === 0)
    throw new HoldfastError("UsageInvalid", "there is nothing to record", { hint: "Name what was erased." });
  if (first === undefined) return;
  const what = problems.length === 1 ? first : `${problems.length} of ${requests.length} erasures cannot be recorded`;
  throw new HoldfastError("UsageInvalid", `${what}; nothing was recorded`, {
    details: problems.length === 1 ? [] : problems,
    hint: "Write it as docs/erasures.md says.",
  });
}

function findMisfit(
  { targets, erasedAt }: ErasureContent,
  erases: ErasureForm | undefined,
  engine: string,
  now: Date,
): string | undefined {
  if (erases === undefined) return `the ${engine} engine cannot take anything out of what it restores`;
  for (const target of targets) {
    if (erases.form === "rows" && "path" in target) return "a path means nothing in a database: name a table and a key";
    if (erases.form === "paths" && !("path" in target)) return "a table means nothing in a tree of files: name a path";
    const problem = erases.form === "paths" && "path" in target ? erases.findProblem(target.path) : undefined;
    if (problem !== undefined) return problem;
  }
  return Date.parse(erasedAt) > now.getTime() + maxAheadMs ? "its time is more than 400 days ahead" : undefined;
}
