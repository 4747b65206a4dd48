/**
 * `holdfast restore <backup> --keep 4h`: into a throwaway that stays up for people to look into.
 */
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { FoundBackup } from "../../pipeline/catalogue/find-backups.ts";
import { keepRestored } from "../../pipeline/restore/keep-restored.ts";
import { parseDuration } from "../../policy/duration.ts";
import { engineFlagsIn, engineValuesIn } from "../engine-options.ts";
import { processStartOf, registerKept } from "../keeper/kept-registry.ts";
import { letGo, waitUntil } from "../keeper/linger.ts";
import type { Outcome, Session } from "../session.ts";
import { restoreLines } from "./restore-lines.ts";

/** A throwaway has no durability, and holds production's rows: a week is long for a look. */
const maxKeepSeconds = 7 * 86_400;

interface KeepOptions {
  readonly keep: string;
  readonly allowDamaged?: boolean | undefined;
  readonly withoutErasures?: boolean | undefined;
  readonly assertions?: boolean | undefined;
  readonly only?: readonly string[] | undefined;
  /** Switches that engines add. */
  readonly [flag: string]: unknown;
}

/** Errors: UsageInvalid. */
export function readKeepSeconds(text: string): number {
  const parsed = parseDuration(text);
  if ("value" in parsed && parsed.value > 0 && parsed.value <= maxKeepSeconds) return parsed.value;
  throw new HoldfastError("UsageInvalid", `--keep ${JSON.stringify(text)} is no time to keep a restore for`, {
    hint: "Write a whole number with m, h or d, at most 7d: --keep 4h.",
  });
}

/** Loads, says how to look into it, and stays until its time is over. */
export async function keep(session: Session, found: FoundBackup, given: KeepOptions, until?: string): Promise<Outcome> {
  const { context, terminal } = session;
  const { clock, signal, environment, randomBytes } = context.run;
  const seconds = readKeepSeconds(given.keep);
  if (until !== undefined) {
    throw new HoldfastError("UsageInvalid", "--keep restores a backup to its end, and not to an instant within it", {
      hint: "Restore to a new target with --to, or name the backup by its id.",
    });
  }
  const { policies } = context.engines;
  const [other] = [...engineFlagsIn(given, policies), ...engineValuesIn(given, policies).keys()];
  if (other !== undefined) {
    throw new HoldfastError("UsageInvalid", `--${other} is for targets, and a throwaway is made like the source`, {
      hint: `Leave --${other} out.`,
    });
  }
  const { allowDamaged, assertions, only, withoutErasures } = given;
  const options = { allowDamaged: allowDamaged === true, assertions, only, withoutErasures };
  const kept = await keepRestored(context, found, options);
  const end = new Date(clock.now().getTime() + seconds * 1000);
  const { result, access } = kept;
  const entry = {
    id: Buffer.from(randomBytes(3)).toString("hex"),
    pid: process.pid,
    processStart: (await processStartOf(process.pid)) ?? "",
    source: result.source,
    backupId: result.backupId,
    until: end.toISOString(),
    access: [...access],
  };
  const exitCode = result.intact && result.assertions.every(({ passed }) => passed) ? exitCodes.done : exitCodes.integrity;
  const lines = [
    ...restoreLines(terminal, result, context.policy.sources[result.source]?.traits.units),
    `  kept        until ${entry.until}, then it is gone by itself; to end it now: holdfast kept --end ${entry.id}`,
    ...access.map((line) => `  look        ${line}`),
  ];
  const forget = await registerKept(entry, environment).catch(async (error: unknown) => {
    await kept.close();
    throw error;
  });
  return {
    document: { ...result, kept: { id: entry.id, until: entry.until, access } },
    lines,
    exitCode,
    async afterwards() {
      try {
        await letGo(exitCode);
        await waitUntil(end, clock, signal);
      } finally {
        await kept.close();
        await forget();
      }
    },
  };
}
