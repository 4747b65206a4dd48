/**
 * What somebody does who can write to a vault and has no key: manifests made, changed, moved,
 * replayed and dated otherwise.
 */
import { expect } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { newestGoodBackup } from "../../src/pipeline/catalogue/newest-good.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { canonicalJson, sha256Hex } from "../../src/vault/documents/canonical-json.ts";
import { type Manifest, readManifest } from "../../src/vault/documents/manifest.ts";
import { readSmall } from "../../src/vault/documents/read-small.ts";
import { keyOf, newBackupId } from "../../src/vault/layout.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import type { FilesProject } from "./files-project.ts";
import { sampleEvidence } from "./sample-backups.ts";
import { commitSealed, memoryKeys } from "./sealed-backups.ts";
import { signedNames } from "./signed-vault.ts";
import { toList } from "./streams.ts";

/** Two genuine backups of `tree`, both verified, and the store that they are in. */
export interface Attacked {
  readonly store: ObjectStore;
  readonly older: string;
  readonly newer: string;
  readonly vaultId: string;
}

export interface ManifestAttack {
  readonly name: string;
  /** Gives the id of the backup that must count for nothing. */
  apply(vault: Attacked): Promise<string>;
}

const seconds = (ms: number): Date => new Date(Math.floor((Date.now() + ms) / 1000) * 1000);
let made = 0;
/** An id of its own for each call, whatever the second. */
const idAt = (ms: number): string => newBackupId(seconds(ms), "full", (count) => Buffer.alloc(count, made++));

/**
 * Everything of a backup under another id, with evidence that is about the manifest as it is then:
 * all that can be had without a key.
 */
async function copyAs(
  vault: Attacked,
  from: string,
  to: string,
  change: (manifest: Manifest) => Manifest = (manifest) => manifest,
  options: { readonly seal: boolean } = { seal: true },
): Promise<string> {
  const { store } = vault;
  const { manifest } = await readManifest(store, "tree", from);
  for (const { key } of await toList(store.list(keyOf.artifact("tree", from, "")))) {
    const name = key.slice(key.lastIndexOf("/") + 1);
    if (name === "manifest" && !options.seal) continue;
    await store.put(`${keyOf.artifact("tree", to, "")}${name}`, (await readSmall(store, key)).bytes);
  }
  const startedAt = `${to.slice(0, 4)}-${to.slice(4, 6)}-${to.slice(6, 11)}:${to.slice(11, 13)}:${to.slice(13, 15)}.000Z`;
  const bytes = canonicalJson(change({ ...manifest, id: to, startedAt, finishedAt: startedAt }));
  await store.put(keyOf.manifest("tree", to), bytes);
  await vouch(vault, to, sha256Hex(bytes));
  return to;
}

/**
 * With genuine signatures, as nobody without a key can make them: what is wrong with a manifest is
 * to be found by itself.
 */
async function vouch({ store, vaultId }: Attacked, id: string, manifestSha256: string): Promise<void> {
  const names = signedNames(vaultId);
  for (const check of ["verified", "proven"] as const) {
    const at = new Date(Date.now() - (check === "verified" ? 2000 : 1000));
    const evidence = { ...sampleEvidence("tree", id, check, at.toISOString()), manifestSha256 };
    const bytes = canonicalJson(evidence);
    await store.put(names.evidence("tree", id, at, check, bytes), bytes);
  }
}

/** The newest backup's manifest, changed and vouched for. */
async function changeNewest(vault: Attacked, change: (manifest: Manifest) => Manifest): Promise<string> {
  const { store, newer } = vault;
  const { manifest } = await readManifest(store, "tree", newer);
  const bytes = canonicalJson(change(manifest));
  await store.put(keyOf.manifest("tree", newer), bytes);
  for (const { key } of await toList(store.list(keyOf.evidencePrefix("tree", newer)))) await store.delete(key);
  await vouch(vault, newer, sha256Hex(bytes));
  return newer;
}

export const manifestAttacks: readonly ManifestAttack[] = [
  { name: "makes one without a seal", apply: (vault) => copyAs(vault, vault.newer, idAt(-1000), undefined, { seal: false }) },
  { name: "replays one under a new id, with its seal", apply: (vault) => copyAs(vault, vault.older, idAt(-1000)) },
  { name: "postdates one", apply: (vault) => copyAs(vault, vault.older, idAt(200_000)) },
  { name: "backdates one", apply: (vault) => copyAs(vault, vault.newer, idAt(-200_000_000)) },
  {
    name: "moves its coverage",
    apply: (vault) => changeNewest(vault, (each) => ({ ...each, coverage: { to: { at: new Date().toISOString() } } })),
  },
  {
    name: "takes the source's own counts away",
    apply: (vault) => changeNewest(vault, (each) => ({ ...each, sourceCheck: { mode: "none", objects: {} } })),
  },
  {
    name: "drops an artifact",
    apply: (vault) => changeNewest(vault, (each) => ({ ...each, artifacts: each.artifacts.slice(0, 1) })),
  },
  {
    name: "removes the seal",
    async apply({ store, newer }) {
      await store.delete(keyOf.manifestSeal("tree", newer));
      return newer;
    },
  },
  {
    name: "empties the seal",
    async apply({ store, newer }) {
      await store.put(keyOf.manifestSeal("tree", newer), Buffer.alloc(0));
      return newer;
    },
  },
  {
    name: "puts a large seal there",
    async apply({ store, newer }) {
      await store.put(keyOf.manifestSeal("tree", newer), Buffer.alloc(1024 * 1024, 1));
      return newer;
    },
  },
  {
    name: "puts another backup's seal there",
    async apply({ store, older, newer }) {
      await store.put(keyOf.manifestSeal("tree", newer), (await readSmall(store, keyOf.manifestSeal("tree", older))).bytes);
      return newer;
    },
  },
  {
    name: "puts an artifact in the seal's place",
    async apply({ store, newer }) {
      const [artifact] = (await readManifest(store, "tree", newer)).manifest.artifacts;
      await store.put(
        keyOf.manifestSeal("tree", newer),
        (await readSmall(store, keyOf.artifact("tree", newer, artifact?.name ?? ""))).bytes,
      );
      return newer;
    },
  },
  {
    name: "seals one with a key of its own",
    async apply(vault) {
      const id = await copyAs(vault, vault.newer, idAt(-1000), undefined, { seal: false });
      const { manifest } = await readManifest(vault.store, "tree", id);
      await commitSealed(vault.store, manifest, { keys: memoryKeys(99), vaultId: vault.vaultId });
      return id;
    },
  },
];

/**
 * What must hold of a backup that the attack made or changed: nothing trusts it, and nothing else
 * is deleted for it.
 */
export async function expectCountsForNothing(project: FilesProject, id: string, genuine: readonly string[]): Promise<void> {
  const context = await project.open();
  const { status } = await measureSources(context, Object.values(context.policy.sources));
  const [source] = status.sources;
  expect(source?.newestVerified?.id).not.toBe(id);
  expect(source?.newestProven?.id).not.toBe(id);
  expect(source?.restoreTest.backupId).not.toBe(id);
  expect(source?.findings.map(({ message }) => message).join("\n")).toContain(id);
  expect((await newestGoodBackup(context, "tree"))?.id).not.toBe(id);
  expect((await planPrune(context, "tree")).released.filter((each) => genuine.includes(each))).toEqual([]);
  await pruneSource(context, "tree").catch((error: unknown) => {
    if (!(error instanceof HoldfastError)) throw error;
  });
  const store = await context.storeOf("main");
  for (const each of genuine) expect(await store.head(keyOf.manifest("tree", each))).toBeDefined();
  const integrity = { exitCode: 4 };
  const request = { to: `${project.directory}/restored-${id}`, overwrite: false, allowDamaged: false };
  const found = await project.find(`tree/${id}`);
  await expect(restoreBackup(await project.open(), found, request)).rejects.toMatchObject(integrity);
  for (const judge of [verifyBackup, restoreTest]) {
    const outcome = await judge(await project.open(), await project.find(`tree/${id}`)).then(
      (result) => result.outcome,
      (error: HoldfastError) => error.name,
    );
    expect(["damaged", "disproven", "KeyMissing"]).toContain(outcome);
  }
}
