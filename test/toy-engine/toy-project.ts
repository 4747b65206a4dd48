/** A toy source with its policy, key and a vault in memory, and the pipeline in this process. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { openPipeline } from "../support/pipeline.ts";
import { toyEngines } from "./toy-engine.ts";

export interface ToyProject extends AsyncDisposable {
  readonly directory: string;
  /** What the vault `main` is; another from here on with `useVault`. */
  readonly vault: MemoryStore;
  useVault(): void;
  /** A vault with the objects of this folder. */
  useFolder(directory: string): Promise<void>;
  /** Rewrites the policy with another retention, for runs that are opened afterwards. */
  retain(retention: string): Promise<void>;
  write(lines: readonly string[], line?: string): Promise<void>;
  /** At so many minutes after the test's beginning. */
  open(minute: number, warnings?: string[]): Promise<PipelineContext>;
  /** Of all backups that have a manifest, oldest first. */
  manifestIds(): string[];
  /** Gives the new backup's id. */
  dump(minute: number, kind: BackupKind, verify?: boolean): Promise<string>;
}

const startMs = Date.UTC(2026, 0, 10);

export async function createToyProject(retention = "{ keepLast: 1, maxRemoval: 100%, minAge: none }"): Promise<ToyProject> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-toys-"));
  const policyFile = join(directory, "holdfast.yml");
  const lines = join(directory, "lines");
  await createKeyFile(join(directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 7), now: new Date(0) });
  const retain = (rules: string): Promise<void> =>
    writeFile(
      policyFile,
      `version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n  bear: { engine: toy, address: ${lines}, token: env:TOY_TOKEN, retention: ${rules} }\n`,
    );
  await retain(retention);
  const contexts: PipelineContext[] = [];
  let now = new Date(startMs);
  let vault = makeMemoryStore(() => now);

  async function open(minute: number, warnings: string[] = []): Promise<PipelineContext> {
    now = new Date(startMs + minute * 60_000);
    const at = now;
    const clock = { now: () => at, monotonicMs: () => performance.now() };
    const env = { TOY_TOKEN: "wind-me-up" };
    const context = await openPipeline({ policyFile, env, clock, wrapStore: () => vault, engines: toyEngines });
    contexts.push(context);
    const log = { info: () => undefined, warn: (message: string) => void warnings.push(message) };
    return { ...context, run: { ...context.run, log } };
  }

  return {
    directory,
    get vault() {
      return vault;
    },
    useVault() {
      vault = makeMemoryStore(() => now);
    },
    async useFolder(folder) {
      vault = makeMemoryStore(() => now);
      for (const each of await readdir(folder, { recursive: true, withFileTypes: true })) {
        const path = join(each.parentPath, each.name);
        if (each.isFile()) await vault.put(relative(folder, path), await readFile(path));
      }
    },
    retain,
    write: (each, line) =>
      writeFile(lines, [...(line === undefined ? [] : [`!line ${line}`]), ...each].map((text) => `${text}\n`).join("")),
    open,
    manifestIds: () =>
      [...vault.objects.keys()].flatMap((key) => (key.startsWith("manifests/bear/") ? [key.slice(15, -5)] : [])).sort(),
    async dump(minute, kind, verify = true) {
      const context = await open(minute);
      const { backupId } = await dumpSource(context, { source: "bear", kind });
      if (verify) await verifyBackup(context, await findInVaults(context, backupId));
      return backupId;
    },
    async [Symbol.asyncDispose]() {
      for (const context of contexts) context.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
