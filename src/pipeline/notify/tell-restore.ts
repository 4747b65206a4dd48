/**
 * Tells people of a restore by hand while it goes on: that it began, at a quarter, a half and three
 * quarters of its bytes, and that it is done. A failure is alerted by the command or machine
 * that ran the restore, like any other failure.
 */
import type { BadOutcome } from "../../alerts/alert-for-outcome.ts";
import type { Progress } from "../../runtime/run-context.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { RestoreResult } from "../restore/restore-result.ts";
import { sayPart } from "../restore/restored-part.ts";

/** Sends one message; never throws. */
export type TellRestore = (outcome: BadOutcome) => Promise<void>;

const quarters = [0.25, 0.5, 0.75] as const;

/**
 * Runs `work` in a context whose progress is told. Nothing waits for a message but the end of the
 * restore: they leave in their order. Errors: those of `work`.
 */
export async function tellingRestore(
  context: PipelineContext,
  { entry }: FoundBackup,
  to: string,
  tell: TellRestore,
  work: (context: PipelineContext) => Promise<RestoreResult>,
): Promise<RestoreResult> {
  const about = `${entry.id} of ${entry.source} to ${to}`;
  const { log, identity } = context.run;
  let sending: Promise<void> = Promise.resolve();
  const send = (name: BadOutcome["name"], ...findings: string[]): void => {
    sending = sending
      .then(() => tell({ name, backupIds: [entry.id], findings }))
      .catch((error: unknown) => log.warn(`the restore goes on, and a message was not sent: ${(error as Error).message}`));
  };
  send("restore started", `restoring ${about}, asked for by ${identity}`);
  const progress = watchQuarters(context.run.progress, (share) =>
    send("restore under way", `restoring ${about}: ${share * 100} % of its bytes are read`),
  );
  try {
    const result = await work({ ...context, run: { ...context.run, progress } });
    const { comparison, safetyBackup, selection } = result;
    const part = selection === undefined ? "" : `, a part of it (${sayPart(selection)})`;
    const equal = comparison.equal ? `equal to the backup${part}` : `${comparison.differenceCount} differences from the backup`;
    const safety = safetyBackup === undefined ? [] : [`what was replaced is ${safetyBackup.source}/${safetyBackup.backupId}`];
    send("restore done", `restored ${about}, asked for by ${identity}: ${equal}`, ...safety);
    return result;
  } finally {
    await sending;
  }
}

/**
 * A progress that tells each quarter of the bytes that are read for the load itself, from the phase
 * `restore` to `compare`, and passes everything on.
 */
export function watchQuarters(progress: Progress, reached: (share: number) => void): Progress {
  let expected = 0;
  let bytes = 0;
  let told = 0;
  return {
    phase(name, expectedBytes) {
      if (name === "restore") [expected, bytes] = [expectedBytes ?? 0, 0];
      if (name === "compare") expected = 0;
      progress.phase(name, expectedBytes);
    },
    advance(more) {
      progress.advance(more);
      bytes += more;
      for (let next = quarters[told]; expected > 0 && next !== undefined && bytes >= next * expected; next = quarters[told]) {
        told += 1;
        // Of several at once, the last alone.
        if (bytes < (quarters[told] ?? 1) * expected) reached(next);
      }
    },
  };
}
