/**
 * Does one thing with the files engine as whoever runs it, and prints the outcome as JSON.
 * `dump <tree> <temporary>`: a backup and its proof. `prove <backup> <temporary>`: the proof of the
 * backup in the directory `backup`. `check <tree>`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import {
  craftedFacts,
  dumpToMemory,
  indexOf,
  type MemoryBackup,
  makeContext,
  makeSource,
  prove,
} from "../../engines/files/memory-backup.ts";

const [action = "", path = "", temporaryDirectory = "/tmp"] = process.argv.slice(2);
const context = makeContext({ temporaryDirectory });

function readBackup(): MemoryBackup {
  const names = ["files.tar", "index.jsonl"];
  return {
    artifacts: new Map(names.map((name) => [name, readFileSync(join(path, name))])),
    facts: craftedFacts,
    notices: [],
    sourceCheck: JSON.parse(readFileSync(join(path, "source-check.json"), "utf8")) as MemoryBackup["sourceCheck"],
  };
}

async function act(): Promise<unknown> {
  if (action === "check") return filesEngine.check(makeSource(path), context);
  if (action === "prove") return prove(readBackup(), context);
  const backup = await dumpToMemory(makeSource(path), context);
  const { notices, sourceCheck } = backup;
  return { notices, sourceCheck, index: indexOf(backup), proof: await prove(backup, context) };
}

process.stdout.write(`${JSON.stringify(await act())}\n`);
