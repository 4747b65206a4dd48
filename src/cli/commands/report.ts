/** `holdfast report`: the HTML report. */
import { rename, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { refuseOwnFile } from "../../pipeline/refuse-own-file.ts";
import { gatherReport } from "../../pipeline/report.ts";
import { renderReport } from "../../report/html-report.ts";
import { makeDirectories } from "../../runtime/make-directories.ts";
import type { Outcome, Session } from "../session.ts";

export async function report({ context }: Session, options: { readonly out: string }): Promise<Outcome> {
  const path = resolve(options.out);
  await refuseOwnFile(path, context.run.ownPaths);
  const model = await gatherReport(context);
  await writeWhole(path, renderReport(model));
  const { verdict, unmeasured = [] } = model.status;
  return {
    document: { report: path, verdict, ...(unmeasured.length === 0 ? {} : { unmeasured }) },
    lines: [`wrote ${path}`, ...unmeasured.map(({ source, error }) => `not in it: ${source}: ${error.message} (${error.name})`)],
    exitCode: unmeasured.length === 0 ? exitCodes.done : exitCodes.failed,
  };
}

/** A reader of the old report never sees half of the new one. */
async function writeWhole(path: string, html: string): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await makeDirectories(dirname(path), 0o755);
    await writeFile(partial, html);
    await rename(partial, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new HoldfastError(code === "ENOSPC" ? "DiskFull" : "UsageInvalid", `the report cannot be written to ${path}: ${code}`, {
      cause: error,
      hint: "Name a file in a directory that you may write to, with --out.",
    });
  }
}
