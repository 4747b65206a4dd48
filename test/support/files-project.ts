/**
 * A small files source with its policy, key and folder vault, and the pipeline in this process to
 * work on it.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FoundBackup, findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { openPipeline, shiftedClock } from "./pipeline.ts";
import { signedNames } from "./signed-vault.ts";

export interface FilesProject extends AsyncDisposable {
  readonly directory: string;
  readonly vault: string;
  /**
   * A directory beside the vault, with a file `secret` and a directory `keys`: for links to lead
   * to.
   */
  readonly outside: string;
  readonly policyFile: string;
  /**
   * Replaces the policy; the default has the source `tree`, whose retention keeps the last backup.
   */
  writePolicy(text: string): Promise<void>;
  open(options?: OpenOptions): Promise<PipelineContext>;
  /**
   * A backup of `tree` that was begun so long ago, verified unless told otherwise; gives its id.
   */
  back(options?: { readonly minutesAgo?: number; readonly verify?: boolean }): Promise<string>;
  find(reference: string, context?: PipelineContext): Promise<FoundBackup>;
  /** Names of documents that the project's key signed; there must be a vault. */
  names(): Promise<ReturnType<typeof signedNames>>;
  /** The names of all files of the vault below `room`, relative to it. */
  filesOf(room: string): Promise<string[]>;
}

export interface OpenOptions {
  readonly shiftMs?: number;
  readonly wrapStore?: (store: ObjectStore) => ObjectStore;
  readonly signal?: AbortSignal;
  /** Gets what the log is told. */
  readonly warnings?: string[];
}

/** The artifact of a part that the backup stored itself. */
export function partOf(id: string, number = 1): string {
  return `files-${id.slice(-6)}-${String(number).padStart(5, "0")}.tar`;
}

export const treePolicy =
  "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
  "  tree: { engine: files, path: tree, retention: { keepLast: 1, maxRemoval: 100%, minAge: none } }\n";

export async function createFilesProject(): Promise<FilesProject> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-project-"));
  const policyFile = join(directory, "holdfast.yml");
  const vault = join(directory, "vault");
  const outside = join(directory, "outside");
  await mkdir(join(outside, "keys"), { recursive: true });
  await writeFile(join(outside, "secret"), "secret");
  await mkdir(join(directory, "tree"));
  await writeFile(join(directory, "tree", "file"), "content");
  await createKeyFile(join(directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 7), now: new Date(0) });
  await writeFile(policyFile, treePolicy);
  const contexts: PipelineContext[] = [];

  async function open({ shiftMs = 0, wrapStore, signal, warnings }: OpenOptions = {}): Promise<PipelineContext> {
    const wrapping = wrapStore === undefined ? {} : { wrapStore };
    const context = await openPipeline({ policyFile, env: {}, clock: shiftedClock(shiftMs), ...wrapping });
    contexts.push(context);
    const log = { info: () => undefined, warn: (message: string) => void warnings?.push(message) };
    return { ...context, run: { ...context.run, log, ...(signal === undefined ? {} : { signal }) } };
  }

  const find = async (reference: string, context?: PipelineContext): Promise<FoundBackup> =>
    findInVaults(context ?? (await open()), reference);

  return {
    directory,
    vault,
    outside,
    policyFile,
    writePolicy: (text) => writeFile(policyFile, text),
    open,
    find,
    names: async () => signedNames((await (await open()).vaultOf("main")).id),
    async back({ minutesAgo = 0, verify = true } = {}) {
      const context = await open({ shiftMs: -minutesAgo * 60_000 });
      const { backupId } = await dumpSource(context, { source: "tree", kind: "full" });
      if (verify) await verifyBackup(context, await find(backupId, context));
      return backupId;
    },
    async filesOf(room) {
      const entries = await readdir(join(vault, room), { recursive: true, withFileTypes: true }).catch(() => []);
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(vault.length + 1))
        .sort();
    },
    async [Symbol.asyncDispose]() {
      for (const context of contexts) context.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
