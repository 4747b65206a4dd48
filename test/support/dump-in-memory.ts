/** Dumps of a small tree into a vault in memory, whose engine and store can be changed. */
import type { DumpSession } from "../../src/engines/dump-session.ts";
import type { Engine } from "../../src/engines/engine.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { initVault } from "../../src/vault/documents/vault.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import type { FilesProject, OpenOptions } from "./files-project.ts";
import { type MemoryStore, makeMemoryStore } from "./memory-store.ts";

/** When these dumps are made, unless they say another time. */
export const now = new Date("2026-11-20T12:00:00.250Z");
const clock = { now: () => now, monotonicMs: () => 0 };

export async function makeDumpVault(options: { locks?: boolean } = {}): Promise<MemoryStore> {
  const store = makeMemoryStore(() => now, options);
  await initVault(store, {
    clock,
    randomBytes: (count) => Buffer.alloc(count, 3),
    holdfastVersion: "0",
    restoreInstructions: async () => "text",
  });
  return store;
}

export interface DumpOptions extends Pick<OpenOptions, "signal" | "warnings"> {
  readonly wrap?: (inner: MemoryStore) => ObjectStore;
  readonly at?: Date;
  /** Changes what the files engine's dump does. */
  readonly session?: (session: DumpSession) => DumpSession;
  readonly onOpen?: (request: unknown) => void;
}

/** The pipeline of `project` at that time, whose vault is `memory`. */
export async function openForDump(
  project: FilesProject,
  memory: MemoryStore,
  { wrap = (inner) => inner, at = now, session = (each) => each, onOpen, ...options }: DumpOptions = {},
): Promise<PipelineContext> {
  const context = await project.open({ ...options, wrapStore: () => wrap(memory) });
  return {
    ...context,
    run: {
      ...context.run,
      clock: { now: () => at, monotonicMs: context.run.clock.monotonicMs },
      log: {
        info: () => undefined,
        warn: (message, fields) =>
          void options.warnings?.push(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`),
      },
    },
    async engineOf(name): Promise<Engine> {
      const engine = await context.engineOf(name);
      const openDump: Engine["openDump"] = async (...args) => {
        onOpen?.(args[1]);
        return session(changeable(await engine.openDump(...args)));
      };
      return { ...engine, openDump };
    },
  };
}

/** The session as an object whose parts can be replaced. */
function changeable(session: DumpSession): DumpSession {
  return {
    ...(session.expectedBytes === undefined ? {} : { expectedBytes: session.expectedBytes }),
    artifacts: () => session.artifacts(),
    sourceCheck: () => session.sourceCheck(),
    finish: () => session.finish(),
    close: () => session.close(),
  };
}
