/**
 * The toy engine's work: dumps, proves and restores a list of lines, whole or what was added since
 * another backup. Its source is a file that stands for a server; a position is a number of lines.
 */
import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import * as z from "zod";
import type { BackupChain, BackupReader } from "../../src/engines/backup-reader.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { builtInEngines, createEngineRegistry } from "../../src/engines/engine-registry.ts";
import type { Place } from "../../src/engines/place.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { compareCounts } from "../../src/proof/compare-counts.ts";
import type { Comparison, ContentDigest } from "../../src/proof/content.ts";
import { digestOfObjects } from "../../src/proof/digest-root.ts";
import type { Position } from "../../src/proof/position.ts";
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
    return [
      {
        level: "ok",
        subject: "toy",
        message: `${source.address} has ${readJournal(await readFile(source.address, "utf8")).lines.length} lines`,
      },
    ];
  },
  async openDump(source, { base }, context) {
    tokenOf(source, context);
    const { lines, line } = readJournal(await readFile(source.address, "utf8"));
    const from = base === undefined ? undefined : { ...base.coverage.to, line };
    const added = lines.slice(Number(from?.mark ?? 0));
    const at = latest(from?.at, added.map(instantOf).findLast((each) => each !== undefined) ?? context.clock.now().toISOString());
    const to = { at, mark: String(lines.length), line };
    return {
      async *artifacts() {
        const body = Readable.from([Buffer.from(added.map((each) => `${each}\n`).join(""))]);
        yield { name: artifact, role: "lines", format: "text", compress: true, body };
      },
      sourceCheck: async () => ({ mode: "counts", objects: { "toy lines": { rows: lines.length } } }),
      finish: async () => ({
        coverage: from === undefined ? { to } : { from, to },
        facts: { lines: added.length },
        notices: [],
      }),
      close: async () => undefined,
    };
  },
  async inspect(backup) {
    const lines = await linesOf(backup);
    const problems = lines.length === backup.facts.lines ? [] : [`${lines.length} lines, not ${backup.facts.lines}`];
    return backup.coverage.from === undefined ? { problems, digest: digestLines(lines) } : { problems };
  },
  findGap(base, next) {
    const [to, from] = [base.coverage.to, next.coverage.from];
    if (to.line !== from?.line) return `line ${from?.line} is not line ${to.line}`;
    return to.mark === from?.mark ? undefined : `it begins after line ${from?.mark}, not after line ${to.mark}`;
  },
  compareSourceCheck: compareCounts,
  compileVolatile: () => () => false,
  estimateThrowawayBytes: () => 0,
  openThrowaway: async (chain) => openPlace(chain, undefined, async () => undefined),
  planRestore: async (chain, _source, { target, flags, until }) => ({
    target,
    steps: [
      ...(chain.length === 1 ? [] : [`read ${chain.length} backups, one after the other`]),
      ...(until === undefined ? [] : [`stop at ${until.at}`]),
      flags?.has("polish") === true ? "write the lines, polished" : "write the lines",
    ],
    occupied: false,
    checks: [],
  }),
  openTarget: async (chain, _source, { target, until }) =>
    openPlace(chain, until, async (lines) => {
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

/** The source's lines. `!line 2` at the top says which of its histories this is. */
function readJournal(text: string): { readonly lines: readonly string[]; readonly line: string } {
  const lines = splitLines(text);
  const [, line] = /^!line (\w+)$/.exec(lines[0] ?? "") ?? [];
  return line === undefined ? { lines, line: "1" } : { lines: lines.slice(1), line };
}

function splitLines(text: string): readonly string[] {
  return text === "" ? [] : text.trimEnd().split("\n");
}

/** When a line was written, where it begins with that. */
function instantOf(line: string): string | undefined {
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z(?= )/.exec(line)?.[0];
}

function latest(earlier: string | undefined, later: string): string {
  return earlier !== undefined && earlier > later ? earlier : later;
}

async function linesOf(backup: BackupReader): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of await backup.open(artifact)) chunks.push(chunk as Buffer);
  return splitLines(Buffer.concat(chunks).toString("utf8"));
}

function digestLines(lines: readonly string[]): ContentDigest {
  const text = lines.join("\n");
  const sha256 = createHash("sha256").update(text).digest("hex");
  return digestOfObjects("toy-1", [{ object: "toy lines", rows: lines.length, bytes: Buffer.byteLength(text), sha256 }]);
}

function openPlace(chain: BackupChain, until: Position | undefined, commit: (lines: readonly string[]) => Promise<void>): Place {
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
      const loaded: string[] = [];
      for (const backup of chain) loaded.push(...(await linesOf(backup)));
      const end = until === undefined ? -1 : loaded.findIndex((line) => (instantOf(line) ?? "") > until.at);
      lines = end < 0 ? loaded : loaded.slice(0, end);
      return { findings: [] };
    },
    compare: async (digest) => compared(digestLines(lines).sha256 === digest.sha256),
    readLoaded: async () => compared(until !== undefined || String(lines.length) === chain.at(-1)?.coverage.to.mark),
    compareSourceCheck: async (check) => compareCounts(digestLines(lines), check),
    assert: async () => [],
    keepBeside: async () => undefined,
    commit: () => commit(lines),
    close: async () => undefined,
  };
}
