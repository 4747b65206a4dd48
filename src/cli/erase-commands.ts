/** The declarations of `holdfast erase`. */
import type { Command } from "commander";
import { example, type InSession } from "./command-shape.ts";

const repeat = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addErasures(program: Command, inSession: InSession): void {
  const erase = program
    .command("erase")
    .description("the erasure ledger: people erased from production do not come back with a restore");
  const add = erase
    .command("add")
    .description("record what was erased in production; every restore of an older backup takes it out again")
    .argument("<source>", "a source of the policy")
    .option("--table <schema.table>", "the table that it was erased from")
    .option("--where <column=value>", "the key, exactly; again for each further column. Without a value: from --values", repeat)
    .option("--values <file>", "read the values of --where without one there, a line each; - is standard input")
    .option("--set <column=text>", "overwrite this column instead of deleting the row", repeat)
    .option("--null <column>", "overwrite this column with NULL instead of deleting the row", repeat)
    .option("--path <pattern>", "of a source of files: what was erased, as a pattern of `exclude`")
    .option("--file <file>", "many at once: JSON lines, or CSV whose columns are the key; - is standard input")
    .option("--reason <text>", "the legal reason")
    .option("--reference <text>", "a ticket or a case, without a person's data")
    .option("--at <time>", "when it was erased in production; now when left out")
    .option("--id <id>", "an id of your own: what is recorded twice under it counts once")
    .action(inSession(async () => (await import("./commands/erase.ts")).addErasures));
  const list = erase
    .command("list")
    .description("list a source's erasures, and check that the ledger is whole")
    .argument("<source>", "a source of the policy")
    .option("--show-values", "show the keys, which are people's data")
    .option("--last <count>", "only the newest <count>")
    .action(inSession(async () => (await import("./commands/erase.ts")).listErasures));
  example(
    add,
    'holdfast erase add shop --table public.users --where id=42 --reason "GDPR Art. 17" --reference "ticket 1234"',
    'holdfast erase add shop --table public.users --where email --values - --reason "GDPR Art. 17" < email.txt',
    'holdfast erase add shop --file erased.jsonl --reason "GDPR Art. 17"',
    'holdfast erase add config --path "home/ada/" --reason "contract ended"',
  );
  example(list, "holdfast erase list shop", "holdfast erase list shop --show-values");
  example(erase, 'holdfast erase add shop --table public.users --where id=42 --reason "GDPR Art. 17"', "holdfast erase list shop");
}
