/** `holdfast restore <source> --to <target> --swap-back`: the newest overwrite taken back. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { seekSwapBack, swapBackTarget } from "../../pipeline/swap-back.ts";
import { findSource } from "../../policy/safety-series.ts";
import { obtainApproval } from "../approving.ts";
import type { ApprovalOptions } from "../command-shape.ts";
import { engineFlagsIn } from "../engine-options.ts";
import type { Outcome, Session } from "../session.ts";

interface SwapBackOptions extends ApprovalOptions {
  readonly to: string;
  readonly dryRun?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly swap?: boolean | undefined;
  readonly [flag: string]: unknown;
}

/** `reference` is the restore's own, or the source's name: which backup it was does not matter. */
export async function swapBack(session: Session, reference: string, options: SwapBackOptions): Promise<Outcome> {
  const { context } = session;
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
  const { to } = options;
  const { approval, outcome } = dryRun
    ? {}
    : await obtainApproval(session, options, (asking) => seekSwapBack(context, source, { to, flags }, asking));
  if (outcome !== undefined) return outcome;
  const swapped = await swapBackTarget(context, source, { to, flags, dryRun, approval });
  const verb = dryRun ? "would be" : "is";
  return {
    document: { source, dryRun, ...swapped },
    lines: [
      `${swapped.from} ${verb} ${swapped.target} again`,
      ...(swapped.kept === undefined ? [] : [`what stood there until now ${verb} kept as ${swapped.kept}`]),
    ],
  };
}
