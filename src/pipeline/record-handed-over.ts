/**
 * Records what another run found and handed over. That run executed code of the backup: what it
 * hands over is a claim about one backup of its own source, and is checked as such.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { CheckName } from "../vault/backup-state.ts";
import { findEvidenceProblem } from "../vault/documents/check-evidence.ts";
import { appendEvidence, type Evidence } from "../vault/documents/evidence.ts";
import { readManifest } from "../vault/documents/manifest.ts";
import type { EvidenceKey } from "../vault/layout.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** What each step may find. A person's word, `accepted`, is not among them. */
const checksOf = {
  verify: ["verified", "suspicious", "damaged"],
  "restore-test": ["verified", "suspicious", "damaged", "proven", "unproven", "disproven"],
  restore: ["verified", "suspicious", "damaged", "restored"],
} as const satisfies Readonly<Record<string, readonly CheckName[]>>;

export type HandingStep = keyof typeof checksOf;
export const handingSteps = Object.keys(checksOf) as readonly HandingStep[];

/** What says that the backup is bad; it may have read a manifest that is damaged. */
const failures: readonly CheckName[] = ["damaged", "disproven"];

/**
 * Records `claim`, a parsed document, as evidence of `found`. Its time is that of this run: a claim
 * cannot choose one. Errors: EvidenceInvalid (it breaks the format, is about another backup, says
 * what the step does not judge, or is about another manifest than the one in the vault), those of
 * readManifest and of appendEvidence.
 */
export async function recordHandedOver(
  context: PipelineContext,
  found: FoundBackup,
  step: HandingStep,
  claim: unknown,
): Promise<EvidenceKey> {
  const evidence = checkClaim(found, step, claim);
  if (!failures.includes(evidence.check)) {
    const { sha256 } = await readManifest(found.vault.store, evidence.source, evidence.backupId);
    if (sha256 !== evidence.manifestSha256) throw refuse(found, `is about another manifest: ${evidence.manifestSha256}`);
  }
  const dated = { ...evidence, at: context.run.clock.now().toISOString() };
  return appendEvidence(found.vault, dated, await context.signerOf(evidence.source));
}

function checkClaim(found: FoundBackup, step: HandingStep, claim: unknown): Evidence {
  const problem = findEvidenceProblem(claim);
  if (problem !== undefined) throw refuse(found, `breaks the format: ${problem}`);
  const { clockAt: _clockAt, ...evidence } = claim as Evidence;
  const { source, backupId, check } = evidence;
  if (source !== found.entry.source || backupId !== found.entry.id) throw refuse(found, `is about ${backupId} of "${source}"`);
  const allowed: readonly CheckName[] = checksOf[step];
  if (!allowed.includes(check)) throw refuse(found, `says "${check}", which the step ${step} does not judge`);
  return evidence;
}

function refuse({ entry }: FoundBackup, what: string): HoldfastError {
  return new HoldfastError("EvidenceInvalid", `what was found of ${entry.id} of "${entry.source}" was not recorded: it ${what}`, {
    hint: "Look at who used the role of the function that found it; then verify the backup again.",
  });
}
