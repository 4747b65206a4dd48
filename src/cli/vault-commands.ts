/** The declarations of commands about a vault as a whole. */
import type { Command } from "commander";
import { example, type InSession } from "./command-shape.ts";

export function addVault(program: Command, inSession: InSession): void {
  const vault = program.command("vault").description("a vault as a whole: bring back what was deleted in it");
  const undelete = vault
    .command("undelete")
    .description("bring back what others deleted or overwrote in a bucket with versions, and read the backups back")
    .argument("[vault]", "only this vault of the policy")
    .option("--dry-run", "say what is hidden and what would come back; touch nothing")
    .option("--source <name>", "only backups of this source")
    .option("--backup <id>", "only this backup, with what it builds on")
    .option("--since <time>", "only what was hidden since: 2h, yesterday, 2026-11-28")
    .option("--pruned", "also what a prune deleted, as its tombstone says")
    .option("--no-verify", "do not read the backups back afterwards")
    .action(inSession(async () => (await import("./commands/undelete.ts")).undelete));
  const lines = [
    "holdfast vault undelete --dry-run",
    "holdfast vault undelete",
    "holdfast vault undelete main --source shop --since 2h",
  ];
  example(undelete, ...lines);
  example(vault, ...lines);
}
