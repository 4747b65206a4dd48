/**
 * The pipeline's context in the cloud: the deployed policy, a directory of this run's own, and an
 * end before the function's.
 */
import { randomBytes } from "node:crypto";
import packageJson from "../../package.json" with { type: "json" };
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { createPipelineContext, type PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { makePrivateDirectory } from "../../src/runtime/private-directory.ts";
import type { RunContext } from "../../src/runtime/run-context.ts";
import { readSettings } from "./environment.ts";
import { directoryPrefix, removeLeftovers } from "./leftovers.ts";
import { logger } from "./powertools.ts";
import { readPolicy } from "./read-policy.ts";

export interface Invocation {
  /** Who runs, for leases and evidence: `lambda:<function>:<request>`. */
  readonly identity: string;
  /** How long this run may take, in milliseconds; absent: as long as it takes. */
  readonly remainingMs?: number | undefined;
  /** Ends the run from outside; its reason says why. */
  readonly signal?: AbortSignal | undefined;
}

/** What a step needs to take back what is half done: an upload, a lease, a throwaway server. */
const maxReserveMs = 45_000;
/** Short functions keep a share of their time instead. */
const reserveShare = 0.1;

/**
 * Runs `work` in a context of its own; its signal aborts with DeadlineReached while there is time
 * left to clean up.
 */
export async function withContext<T>(invocation: Invocation, work: (context: PipelineContext) => Promise<T>): Promise<T> {
  const settings = readSettings();
  const policy = await readPolicy(settings.policy, systemClock);
  await removeLeftovers(settings.temporaryDirectory);
  const directory = await makePrivateDirectory(settings.temporaryDirectory, directoryPrefix(), { sockets: true });
  const deadline = startDeadline(invocation.remainingMs);
  const run: RunContext = {
    clock: systemClock,
    randomBytes: (count) => randomBytes(count),
    signal: invocation.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, invocation.signal]),
    log: {
      info: (message, fields = {}) => logger.info(message, fields),
      warn: (message, fields = {}) => logger.warn(message, fields),
    },
    progress: { phase: () => undefined, advance: () => undefined },
    temporaryDirectory: directory.path,
    toolPath: settings.toolPath,
    identity: invocation.identity,
    environment: process.env,
    requireTls: true,
  };
  const context = createPipelineContext(policy, run, packageJson.version);
  try {
    return await work(context);
  } finally {
    deadline.clear();
    context.close();
    await directory.remove();
  }
}

function startDeadline(remainingMs: number | undefined): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  if (remainingMs === undefined) return { signal: controller.signal, clear: () => undefined };
  const reserveMs = Math.min(maxReserveMs, remainingMs * reserveShare);
  const timer = setTimeout(
    () => {
      const seconds = Math.round((remainingMs - reserveMs) / 1000);
      controller.abort(
        new HoldfastError("DeadlineReached", `the step was not done after the ${seconds} s that a function has for it`),
      );
    },
    Math.max(remainingMs - reserveMs, 0),
  );
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
