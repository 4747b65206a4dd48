import { ownTarget } from "../engines/restore-request.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";

const hint = "Write it as `holdfast restore <backup> --to <target> [options]`; `holdfast restore --help` has examples.";

/** What is put into a live database goes to the source's own when no other is named. */
const intoSource: readonly string[] = ["beside", "intoLive"];

/** What is after --to. Errors: UsageInvalid, also before a policy is looked for. */
export function requireTarget(options: { readonly to?: unknown } & Readonly<Record<string, unknown>>): string {
  if (typeof options.to === "string") return options.to;
  if (intoSource.some((name) => options[name] === true)) return ownTarget;
  throw new HoldfastError("UsageInvalid", "the option --to is missing", { hint });
}

/** What changes a target, and means nothing for a throwaway. */
const forTargets: readonly string[] = [
  "to",
  "overwrite",
  "swap",
  "swapBack",
  "dryRun",
  "discardDifferent",
  "ignoreRoom",
  "request",
  "wait",
  "beside",
  "intoLive",
];

/**
 * A restore has a target, or makes a throwaway that is kept, and not both. Errors: UsageInvalid.
 */
export function checkTargetOptions(options: Readonly<Record<string, unknown>>): void {
  if (options["intoLive"] === true && options["allowDamaged"] === true) {
    throw new HoldfastError("UsageInvalid", "rows of a damaged backup are not put into a live table", {
      hint: "Put the table beside the live one with --beside --allow-damaged, and look at its rows first.",
    });
  }
  if (options["keep"] === undefined) {
    requireTarget(options);
    return;
  }
  const other = forTargets.find((name) => options[name] !== undefined && options[name] !== false);
  if (other === undefined) return;
  const written = `--${other.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new HoldfastError("UsageInvalid", `--keep makes a throwaway of its own, and does not go with ${written}`, {
    hint: "Leave one of the two out.",
  });
}
