/** What a restore's target looks like before anything is touched, as a state machine carries it. */
import { redactSecretForms } from "../../src/alerts/redact-secret-forms.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { describeOverwrite } from "../../src/pipeline/restore/guard-overwrite.ts";
import type { RestoreOptions } from "../../src/pipeline/restore/restore-options.ts";
import { describeLoss } from "../../src/pipeline/restore/seek-overwrite.ts";
import { requireRestorable } from "../../src/pipeline/restore.ts";

/**
 * A state machine carries 262,144 bytes: a target has about ten checks, and a tree a few more.
 */
const maxChecks = 40;
const maxCharacters = 500;

/**
 * Every check of the target, with what to do about it; and of an occupied one, what an approver is
 * asked. Errors: RestoreRefused, where one fails, with all that failed; those of
 * requireRestorable.
 */
export async function lookAtTarget(context: PipelineContext, found: FoundBackup, options: RestoreOptions) {
  const plan = await requireRestorable(context, found, options);
  const { occupied, checks } = plan;
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
    ...(occupied ? { subject: describeOverwrite(found, options, plan), loses: describeLoss(found, options, plan).map(cut) } : {}),
  };
}

const cut = (text: string): string => redactSecretForms(text).slice(0, maxCharacters);
