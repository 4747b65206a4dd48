/** `holdfast restore <source> --to <target> --swap-back`: the newest overwrite taken back. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { swapBackTarget } from "../../pipeline/swap-back.ts";
import { findSource } from "../../policy/safety-series.ts";
import { engineFlagsIn } from "../engine-options.ts";
import type { Outcome, Session } from "../session.ts";

interface SwapBackOptions {
  readonly to: string;
  readonly dryRun?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly swap?: boolean | undefined;
  readonly [flag: string]: unknown;
}

/** `reference` is the restore's own, or the source's name: which backup it was does not matter. */
export async function swapBack({ context }: Session, reference: string, options: SwapBackOptions): Promise<Outcome> {
  if (options.overwrite === true || options.swap === true) {
    throw new HoldfastError("UsageInvalid", "--swap-back goes with neither --overwrite nor --swap", {
      hint: "Give the same command as for the restore, with --swap-back in their place.",
    });
  }
  const [, named = ""] = /^([^@/]+)(?:[@/].*)?$/s.exec(reference) ?? [];
  const known = findSource(context.policy, named) !== undefined;
  const source = known ? named : (await findInVaults(context, reference)).entry.source;
  const dryRun = options.dryRun === true;
  const flags = engineFlagsIn(options, context.engines.policies);
  const swapped = await swapBackTarget(context, source, { to: options.to, flags, dryRun });
  const verb = dryRun ? "would be" : "is";
  return {
    document: { source, dryRun, ...swapped },
    lines: [
      `${swapped.from} ${verb} ${swapped.target} again`,
      ...(swapped.kept === undefined ? [] : [`what stood there until now ${verb} kept as ${swapped.kept}`]),
    ],
  };
}
