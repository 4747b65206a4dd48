/** The declarations of commands that bring backups back: to be tested, put to use, or looked at. */
import type { Command } from "commander";
import type { ExitCode } from "../errors/exit-codes.ts";
import type { EnginePolicies } from "../policy/engine-policy.ts";
import { addApprovalOptions, alertHelp, backupHelp, example, type InSession } from "./command-shape.ts";
import { addRestoreFlags, describeOnly, describeTargets } from "./engine-options.ts";
import { keeperVariable } from "./keeper/keeper-variable.ts";
import { checkTargetOptions } from "./restore-target.ts";
import { onStack } from "./stack/on-stack.ts";
import type { Terminal } from "./terminal.ts";

type End = (exitCode: ExitCode) => void;

export function addRestores(program: Command, terminal: Terminal, end: End, inSession: InSession, engines: EnginePolicies): void {
  addRestoreTest(program, inSession);
  addRestore(program, end, inSession, engines);
  addKept(program, terminal, end);
  const exporting = program
    .command("export")
    .description("copy a backup, its manifest and the instructions to a folder for offline media")
    .argument("<backup>", backupHelp)
    .requiredOption("--to <directory>", "the folder; it becomes a vault of its own")
    .action(inSession(async () => (await import("./commands/export.ts")).exportTo));
  example(exporting, "holdfast export shop@latest --to /media/usb/backups");
}

function addRestoreTest(program: Command, inSession: InSession): void {
  const restoreTest = program
    .command("restore-test")
    .description("restore into a throwaway target, compare with the backup and the source, assert, measure")
    .argument("[backup]", `a source (its newest backup), ${backupHelp}; every source when left out`)
    .option("--alert", alertHelp)
    .action(
      inSession(async () => (await import("./commands/restore-test.ts")).restoreTest, {
        alertsAs: "restore-test",
        onStack: onStack.restoreTest,
      }),
    );
  example(
    restoreTest,
    "holdfast restore-test shop",
    "holdfast restore-test 20261120T020000Z-full",
    "holdfast --stack holdfast-prod restore-test shop",
  );
}

function addRestore(program: Command, end: End, inSession: InSession, engines: EnginePolicies): void {
  const restoring = inSession(async () => (await import("./commands/restore.ts")).restore, {
    alertsAs: "restore",
    onStack: onStack.restore,
  });
  const restore = program
    .command("restore")
    .description("restore a backup to a new target, and compare the result with it")
    .argument("<backup>", backupHelp)
    .option("--to <target>", describeTargets(engines))
    .option("--keep <time>", "instead of --to: into a throwaway that stays up so long for a look, such as 4h; then it is gone")
    .option("--only <object>", describeOnly(engines), gather)
    .option("--until <time>", "stop at that instant of what the backup has, for backups that build on others")
    .option("--overwrite", "replace a target that holds something; what it held is backed up, and kept under another name")
    .option("--swap", "as --overwrite, and refuse a target that does not exist")
    .option("--swap-back", "take the newest overwrite of the target back; what stands there now is kept")
    .option("--no-safety-backup", "with --overwrite or --swap: do not back up what is replaced")
    .option("--no-assertions", "do not run the policy's assertions on what was restored")
    .option("--ignore-room", "go on although the room on the target seems too small")
    .option("--dry-run", "show every check of the target and what would happen; touch nothing")
    .option("--allow-damaged", "the last resort: keep what loads of a damaged backup")
    .option("--without-erasures", "hand the copy over although not all that was erased since could be taken out of it")
    .option("--discard-different", "remove a result that differs from the backup; it is kept beside the target otherwise")
    .option("--alert", "tell the policy's alert channels that it began, how far it is, and that it is done or failed")
    .action(async (...args: Parameters<typeof restoring>) => {
      // A kept restore outlives its command: it is made by a process of its own.
      const isHere = restore.opts()["keep"] === undefined || program.opts()["stack"] !== undefined;
      if (isHere || process.env[keeperVariable] !== undefined) await restoring(...args);
      else end(await (await import("./keeper/start-keeper.ts")).startKeeper());
    });
  example(
    restore,
    "holdfast restore shop@latest --keep 4h                                   # only a look",
    "holdfast restore shop@latest --to shop_restored --dry-run                # what would happen",
    "holdfast restore shop@latest --only public.orders --beside --to shop     # a dropped table, next to the live ones",
    "holdfast restore shop@latest --only public.orders --into-live --to shop  # missing rows: counted, with --yes put back",
    "holdfast restore shop@14:32 --to shop_1432                               # what there was at 14:32, or before",
    "holdfast restore shop@14:32 --to shop --swap --end-connections           # the same, in place of the live database",
    "holdfast restore shop --to shop --swap-back                              # take that back",
    "holdfast restore config@latest --only nginx/nginx.conf --to /tmp/config  # one file",
    "holdfast restore config@latest --to /srv/config-restored                 # a whole tree",
    "holdfast restore shop@latest --to env:NEW_URL --roles                    # a new server",
    "holdfast --stack holdfast-prod restore shop@latest --to shop_restored",
  );
  addApprovalOptions(restore);
  restore.hook("preAction", () => checkTargetOptions(restore.opts()));
  addRestoreFlags(restore, engines);
}

/** Values of an option that may be given again. */
function gather(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function addKept(program: Command, terminal: Terminal, end: End): void {
  const kept = program
    .command("kept")
    .description("list the restores that --keep holds open on this machine, or end them")
    .option("--end <id>", "end this one now, or all")
    .action(async (options: { readonly end?: string }) => {
      const outcome = await (await import("./commands/kept.ts")).kept(options, process.env);
      terminal.result(outcome.document, outcome.lines);
      end(outcome.exitCode ?? 0);
    });
  example(kept, "holdfast kept", "holdfast kept --end 3fa1c0", "holdfast kept --end all");
}
