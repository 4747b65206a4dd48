/** `holdfast export`: a backup on its way to offline media. */
import { resolve } from "node:path";
import { describeDoubt, namingNewestGood } from "../../pipeline/catalogue/doubt.ts";
import { findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { exportBackup } from "../../pipeline/export.ts";
import { formatBytes } from "../../report/format.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";

export async function exportTo({ context }: Session, reference: string, options: { readonly to: string }): Promise<Outcome> {
  const found = await findInVaults(context, reference);
  const doubt = await describeDoubt(context, found);
  for (const line of doubt) context.run.log.warn(line);
  const result = await namingNewestGood(context, found, () => exportBackup(context, found, resolve(options.to)));
  const lines = [
    `${result.backupId} exported to ${result.directory}: ${countOf(result.objects, "object")}, ${formatBytes(result.bytes)}`,
    ...(result.buildsOn.length === 0
      ? []
      : [`  with what it builds on, to be restored in this order: ${[...result.buildsOn, result.backupId].join(", ")}`]),
    ...(result.notCopied.length === 0
      ? []
      : [`  without ${countOf(result.notCopied.length, "piece")} of evidence that could not be read`]),
    ...(result.erasures === 0
      ? []
      : [
          `  with ${countOf(result.erasures, "erasure")}: every restore from there takes out what was erased; export again after the next`,
        ]),
    "  RESTORE.md there says how to restore without Holdfast; the key is not part of it, keep a copy elsewhere",
  ];
  return { document: { ...result, ...(doubt.length === 0 ? {} : { doubt }) }, lines };
}
