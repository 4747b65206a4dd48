/** The pipeline in this process, with a clock and a store of the test's choice. */
import { randomBytes } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { delimiter } from "node:path";
import { builtInEngines, type EngineRegistry } from "../../src/engines/engine-registry.ts";
import { createPipelineContext, type PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { loadPolicy } from "../../src/policy/load-policy.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";

export interface PipelineOptions {
  readonly policyFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  readonly wrapStore?: (store: ObjectStore) => ObjectStore;
  /** Holdfast's own when absent. */
  readonly engines?: EngineRegistry;
}

export async function openPipeline({
  policyFile,
  env,
  clock = systemClock,
  wrapStore,
  engines = builtInEngines,
}: PipelineOptions): Promise<PipelineContext> {
  const policy = await loadPolicy(policyFile, { home: homedir(), engines: engines.policies });
  const context = createPipelineContext(
    policy,
    {
      clock,
      randomBytes: (count) => randomBytes(count),
      signal: new AbortController().signal,
      log: { info: () => undefined, warn: () => undefined },
      progress: { phase: () => undefined, advance: () => undefined },
      temporaryDirectory: tmpdir(),
      toolPath: (env["HOLDFAST_PG_PATH"] ?? "").split(delimiter),
      identity: `test:${process.pid}`,
      environment: env,
    },
    "0.0.0-test",
    engines,
  );
  if (wrapStore === undefined) return context;
  return {
    ...context,
    storeOf: async (name) => wrapStore(await context.storeOf(name)),
    stateStoreOf: async (name) => wrapStore(await context.stateStoreOf(name)),
  };
}

/** The system's clock, moved by so many milliseconds. */
export function shiftedClock(byMs: number): Clock {
  return { now: () => new Date(systemClock.now().getTime() + byMs), monotonicMs: systemClock.monotonicMs };
}
