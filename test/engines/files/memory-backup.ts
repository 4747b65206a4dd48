/** Backups in memory: what a vault would keep, without one. */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import type { FilesBackup, FilesFacts } from "../../../src/engines/files/backup-facts.ts";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import type { Place } from "../../../src/engines/place.ts";
import { traitsOf } from "../../../src/policy/engine-policy.ts";
import { filesPolicy } from "../../../src/policy/engines/files/policy.ts";
import type { FilesSource } from "../../../src/policy/engines/files/source.ts";
import type { Comparison, LoadFinding, Notice, SourceCheckResult } from "../../../src/proof/content.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";

export function makeContext(overrides: Partial<RunContext> = {}): RunContext {
  return {
    clock: systemClock,
    randomBytes: (count) => randomBytes(count),
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: () => undefined },
    progress: { phase: () => undefined, advance: () => undefined },
    temporaryDirectory: tmpdir(),
    toolPath: [],
    environment: {},
    identity: "test",
    ...overrides,
  };
}

export function makeSource(path: string, patterns: Partial<Pick<FilesSource, "include" | "exclude">> = {}): FilesSource {
  return {
    name: "tree",
    traits: traitsOf(filesPolicy),
    secrets: [],
    engine: "files",
    path,
    include: patterns.include ?? [],
    exclude: patterns.exclude ?? [],
    vault: "main",
    key: "main",
    tier: "standard",
    objectives: { rpoSeconds: 86_400, rtoSeconds: 86_400 },
    schedules: {},
    retention: { minAgeSeconds: 0, maxRemovalShare: 0.5 },
    verify: { maxDropShare: 0.5, volatile: [] },
    restoreTest: {},
  };
}

/** Facts of a backup that no dump made. */
export const craftedFacts: FilesFacts = {
  path: "/tree",
  resolvedPath: "/tree",
  include: [],
  exclude: [],
  notCaptured: [],
  uid: null,
  files: 0,
  directories: 0,
  symlinks: 0,
  bytes: 0,
  torn: 0,
  leftOut: 0,
};

export interface MemoryBackup {
  readonly artifacts: ReadonlyMap<string, Buffer>;
  readonly facts: FilesFacts;
  readonly notices: readonly Notice[];
  readonly sourceCheck: SourceCheckResult;
}

/**
 * Dumps as the pipeline does: the source check is asked for first, and awaited last. `duringTar` is
 * called with each chunk of files.tar.
 */
export async function dumpToMemory(
  source: FilesSource,
  context: RunContext = makeContext(),
  duringTar: (chunk: Buffer, number: number) => void = () => undefined,
): Promise<MemoryBackup> {
  const session = await filesEngine.openDump(source, { kind: "full", backupId: "20261120T020000Z-full-aaaaaa" }, context);
  try {
    const checking = session.sourceCheck();
    checking.catch(() => undefined);
    const artifacts = new Map<string, Buffer>();
    const archive: Buffer[] = [];
    for await (const artifact of session.artifacts()) {
      if ("reuse" in artifact) throw new Error("nothing was offered for reuse");
      const chunks: Buffer[] = [];
      for await (const chunk of artifact.body as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        if (artifact.role === "archive") duringTar(chunk, archive.length + chunks.length);
      }
      if (artifact.role === "archive") archive.push(...chunks);
      else artifacts.set(artifact.name, Buffer.concat(chunks));
    }
    artifacts.set("files.tar", Buffer.concat(archive));
    const sourceCheck = await checking;
    const { facts, notices } = await session.finish();
    return { artifacts, facts, notices, sourceCheck };
  } finally {
    await session.close();
  }
}

export function readerOf(backup: MemoryBackup, replace: Readonly<Record<string, Buffer>> = {}): FilesBackup {
  const bytesOf = (name: string) => replace[name] ?? backup.artifacts.get(name) ?? Buffer.alloc(0);
  return {
    backupId: "20261120T020000Z-full-aaaaaa",
    source: "tree",
    kind: "full",
    coverage: { to: { at: "2026-11-20T02:00:00.000Z" } },
    facts: backup.facts,
    sourceCheck: backup.sourceCheck,
    artifacts: [...backup.artifacts].map(([name, bytes]) => ({
      name,
      role: name === "files.tar" ? "archive" : "index",
      format: name === "files.tar" ? "tar" : "jsonl",
      plainBytes: bytes.length,
    })),
    // Pieces of an odd size: nothing may depend on how a stream is cut.
    open: async (name) => Readable.from(cut(bytesOf(name), 70_001), { objectMode: false }),
  };
}

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The index's lines, parsed. */
export function indexOf(backup: MemoryBackup): Record<string, unknown>[] {
  const text = backup.artifacts.get("index.jsonl")?.toString("utf8") ?? "";
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export interface Proof {
  readonly comparison: Comparison;
  readonly sourceCheck: Comparison;
  readonly findings: readonly LoadFinding[];
}

/** A restore test: digest, throwaway, both comparisons. */
export async function prove(backup: MemoryBackup, context: RunContext = makeContext()): Promise<Proof> {
  const reader = readerOf(backup);
  const digest = await digestBackup(reader, context);
  const place = await filesEngine.openThrowaway([reader], context);
  return usePlace(place, async () => {
    const { findings } = await place.load();
    const comparison = await place.compare(digest);
    return { comparison, sourceCheck: await place.compareSourceCheck(backup.sourceCheck), findings };
  });
}

export async function usePlace<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await place.close();
  }
}
