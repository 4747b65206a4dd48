/**
 * The toy engine's work: dumps, proves and restores a list of lines, whole. Its source is a file
 * that stands for a server.
 */
import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import * as z from "zod";
import type { BackupReader, Engine, Place } from "../../src/engines/engine.ts";
import { builtInEngines, createEngineRegistry } from "../../src/engines/engine-registry.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { compareCounts } from "../../src/proof/compare-counts.ts";
import type { Comparison, ContentDigest } from "../../src/proof/content.ts";
import { digestOfObjects } from "../../src/proof/digest-root.ts";
import type { RunContext } from "../../src/runtime/run-context.ts";
import { type ToySource, toyPolicy } from "./toy-policy.ts";

const artifact = "lines.txt";

export const engine: Engine<ToySource, { readonly lines: number }> = {
  name: toyPolicy.name,
  facts: z.object({ lines: z.number() }),
  instructions: {
    title: "Wind it up: toy",
    tools: "`cat`",
    writes: ["toy.txt"],
    text: "`lines.txt` has the lines.\n\n```sh\ncat lines.txt > toy.txt\n```",
  },
  async check(source, context) {
    tokenOf(source, context);
    return [{ level: "ok", subject: "toy", message: `${source.address} has ${(await linesAt(source.address)).length} lines` }];
  },
  async openDump(source, _request, context) {
    tokenOf(source, context);
    const lines = await linesAt(source.address);
    return {
      async *artifacts() {
        const body = Readable.from([Buffer.from(lines.map((line) => `${line}\n`).join(""))]);
        yield { name: artifact, role: "lines", format: "text", compress: true, body };
      },
      sourceCheck: async () => ({ mode: "counts", objects: { "toy lines": { rows: lines.length } } }),
      finish: async () => ({
        coverage: { to: { at: context.clock.now().toISOString() } },
        facts: { lines: lines.length },
        notices: [],
      }),
      close: async () => undefined,
    };
  },
  inspect: async ([backup]) => ({ problems: [], digest: digestLines(await linesOf(backup)) }),
  compareSourceCheck: compareCounts,
  compileVolatile: () => () => false,
  estimateThrowawayBytes: () => 0,
  openThrowaway: async ([backup]) => openPlace(backup, async () => undefined),
  planRestore: async (_chain, _source, { target, flags }) => ({
    target,
    steps: [flags?.has("polish") === true ? "write the lines, polished" : "write the lines"],
    occupied: false,
  }),
  openTarget: async ([backup], _source, { target }) =>
    openPlace(backup, async (lines) => {
      await writeFile(`${target}.new`, lines.map((line) => `${line}\n`).join(""));
      await rename(`${target}.new`, target);
    }),
};

/** Holdfast's engines and the toy. */
export const toyEngines = createEngineRegistry([...builtInEngines.policies, toyPolicy], async (name) =>
  name === toyPolicy.name ? engine : builtInEngines.load(name),
);

function tokenOf({ name, token }: ToySource, { environment }: RunContext): string {
  const value = token.from === "env" ? environment[token.name] : undefined;
  if (value !== undefined) return value;
  throw new HoldfastError("SecretUnavailable", `the token of "${name}" cannot be read`);
}

async function linesAt(address: string): Promise<readonly string[]> {
  return (await readFile(address, "utf8")).trimEnd().split("\n");
}

async function linesOf(backup: BackupReader): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of await backup.open(artifact)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8").trimEnd().split("\n");
}

function digestLines(lines: readonly string[]): ContentDigest {
  const text = lines.join("\n");
  const sha256 = createHash("sha256").update(text).digest("hex");
  return digestOfObjects("toy-1", [{ object: "toy lines", rows: lines.length, bytes: Buffer.byteLength(text), sha256 }]);
}

function openPlace(backup: BackupReader, commit: (lines: readonly string[]) => Promise<void>): Place {
  let lines: readonly string[] = [];
  const compared = (equal: boolean): Comparison => ({
    equal,
    objectsCompared: 1,
    rowsCompared: lines.length,
    bytesCompared: 0,
    differenceCount: equal ? 0 : 1,
    differences: equal ? [] : [{ object: "toy lines", problem: "differ" }],
  });
  return {
    facts: {},
    async load() {
      lines = await linesOf(backup);
      return { findings: [] };
    },
    compare: async (digest) => compared(digestLines(lines).sha256 === digest.sha256),
    compareSourceCheck: async (check) => compareCounts(digestLines(lines), check),
    assert: async () => [],
    keepBeside: async () => undefined,
    commit: () => commit(lines),
    close: async () => undefined,
  };
}
