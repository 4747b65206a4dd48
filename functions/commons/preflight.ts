/** What a restore's target looks like before anything is touched, as a state machine carries it. */
import { redactSecretForms } from "../../src/alerts/redact-secret-forms.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { RestoreOptions } from "../../src/pipeline/restore/restore-options.ts";
import { requireRestorable } from "../../src/pipeline/restore.ts";

/** A state machine carries 262,144 bytes: a target has about ten checks, and a tree a few more. */
const maxChecks = 40;
const maxCharacters = 500;

/**
 * Every check of the target, with what to do about it. Errors: RestoreRefused, where one fails,
 * with all that failed; those of requireRestorable.
 */
export async function lookAtTarget(context: PipelineContext, found: FoundBackup, options: RestoreOptions) {
  const { occupied, checks } = await requireRestorable(context, found, options);
  return {
    source: found.entry.source,
    backupId: found.entry.id,
    occupied,
    checks: checks.slice(0, maxChecks).map(({ level, subject, message, remedy }) => ({
      level,
      subject: cut(subject),
      message: cut(message),
      ...(remedy === undefined ? {} : { remedy: cut(remedy) }),
    })),
  };
}

const cut = (text: string): string => redactSecretForms(text).slice(0, maxCharacters);
