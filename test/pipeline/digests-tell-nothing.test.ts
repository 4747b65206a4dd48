/**
 * What the documents of a vault say of content to somebody without the key: counts and sizes, and
 * nothing else.
 */
import { createHash, createHmac } from "node:crypto";
import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DumpArtifact, ReusedArtifact } from "../../src/engines/dump-session.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { openBackup } from "../../src/pipeline/opening/read-backup.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { digestOfObjects } from "../../src/proof/digest-root.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { searchVault } from "../support/guess-content.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";

let project: FilesProject;
let memory: MemoryStore;

beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());

const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

/** What a database with one table of one row would say beside the tree. */
function tableOf(pin: string) {
  const sample = { bytes: 65_536, compressedBytes: 10_000 + Number(pin) };
  const objects = [
    { object: "schema TABLE public.pin", bytes: 40, sha256: sha256(`create table pin default ${pin}`) },
    { object: "table public.pin", rows: 1, bytes: pin.length + 1, sha256: sha256(`${pin}\n`), sample },
  ];
  const groups = [{ object: "directory .", rows: 1, bytes: pin.length, sample }];
  return { ...digestOfObjects("test-1", objects), groups };
}

/**
 * The pipeline with an engine that says, beside what it says of the tree, the digests of a table.
 */
async function open(pin: string): Promise<PipelineContext> {
  const context = await project.open({ wrapStore: () => memory });
  return {
    ...context,
    async engineOf(name): Promise<Engine> {
      const engine = await context.engineOf(name);
      const checked = { mode: "content" as const, objects: { "table public.pin": { rows: 1, hash: `${sha256(pin)}` } } };
      const equal = { equal: true, objectsCompared: 1, rowsCompared: 1, bytesCompared: 1, differenceCount: 0, differences: [] };
      return {
        ...engine,
        openDump: async (...given) => {
          const session = await engine.openDump(...given);
          const artifacts = session.artifacts.bind(session);
          return Object.assign(session, { sourceCheck: async () => checked, artifacts: () => compressed(artifacts()) });
        },
        inspect: async (...given) => ({ ...(await engine.inspect(...given)), digest: tableOf(pin) }),
        compareSourceCheck: () => equal,
        async openThrowaway(...given) {
          const place = await engine.openThrowaway(...given);
          return {
            ...place,
            load: () => place.load(),
            compare: async (digest) => {
              expect(digest).toEqual(tableOf(pin));
              return equal;
            },
            compareSourceCheck: async (check) => {
              expect(check).toEqual(checked);
              return equal;
            },
            close: () => place.close(),
          };
        },
      };
    },
  };
}

/** As they are, so that the sizes of two contents of one length are equal. */
async function* compressed(artifacts: AsyncIterable<DumpArtifact | ReusedArtifact>): AsyncGenerator<DumpArtifact | ReusedArtifact> {
  for await (const artifact of artifacts) yield "reuse" in artifact ? artifact : { ...artifact, compress: false };
}

/** Backs up, verifies and restore-tests a tree with one file, and a table with one row. */
async function back(pin: string) {
  memory = makeMemoryStore();
  const tree = join(project.directory, "tree");
  await rm(tree, { recursive: true });
  await mkdir(tree);
  await writeFile(join(tree, "pin.txt"), pin);
  for (const path of [join(tree, "pin.txt"), tree]) await utimes(path, 1, 1);
  const context = await open(pin);
  const { backupId } = await dumpSource(context, { source: "tree", kind: "full" });
  expect((await verifyBackup(context, await project.find(backupId, context))).outcome).toBe("verified");
  const tested = await restoreTest(context, await project.find(backupId, context));
  expect(tested.evidence.findings).toEqual([]);
  expect(tested.outcome).toBe("proven");
  return { context, backupId };
}

const clearOf = (): Map<string, Buffer> =>
  new Map([...memory.objects].filter(([key]) => key.endsWith(".json")).map(([key, { bytes }]) => [key, Buffer.from(bytes)]));

describe("the documents of a vault", () => {
  test("hold no digest of content that needs no key: of no row, table, definition, file or artifact", async () => {
    const pin = "48151";
    const { context, backupId } = await back(pin);
    const { vault } = await project.find(backupId, context);
    const { manifest } = await readManifest(memory, "tree", backupId);
    const backup = openBackup(vault, await context.keysOf("main"), manifest, await context.engineOf("files"), context.run, {});
    const plain = await Promise.all(
      manifest.artifacts.map(async ({ name }) => {
        const chunks: Buffer[] = [];
        for await (const chunk of await backup.reader.open(name)) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      }),
    );
    const { sha256: root, objects = [] } = tableOf(pin);
    const digests = [root, ...objects.map((object) => object.sha256)];
    const guesses: Uint8Array[] = [
      ...[pin, `${pin}\n`, `${pin}\r\n`, `pin\t${pin}`, `create table pin default ${pin}`].map((text) => Buffer.from(text)),
      ...digests.flatMap((hex) => [Buffer.from(hex), Buffer.from(hex, "hex")]),
      ...plain,
      ...plain.flatMap((bytes) =>
        bytes
          .toString("utf8")
          .split("\n")
          .map((line) => Buffer.from(line)),
      ),
    ].filter(({ length }) => length > 0);
    const own = [vault.id, "tree", backupId, manifest.digestKeyId, ...manifest.artifacts.map(({ keyId }) => keyId)];
    const words = [...own, "holdfast", "artifact", "key", "digest-key", ...manifest.artifacts.map(({ name }) => name)];
    const all = [...memory.objects.values()].map(({ bytes }) => bytes);
    const search = searchVault(all, words);
    expect(guesses.flatMap((guess) => search.find(guess))).toEqual([]);
    expect(digests.filter((hex) => search.has(Buffer.from(hex, "hex")) || search.has(Buffer.from(hex)))).toEqual([]);
    // The search finds what is there: a digest of anything in clear, in each way of writing it.
    for (const [encoding, key] of [
      ["hex", undefined],
      ["base64", vault.id],
      ["base64url", "tree"],
    ] as const) {
      const hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
      const planted = Buffer.from(`{"x":"${hash.update(`${pin}\n`).digest(encoding)}"}`);
      expect(searchVault([...all, planted], words).find(Buffer.from(`${pin}\n`))).not.toEqual([]);
    }
  });

  test("of two contents of one size say the same, but for what is sealed or drawn at random", async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[0-9]{5}$/), fc.stringMatching(/^[0-9]{5}$/), async (first, second) => {
        const shapes: string[][] = [];
        for (const pin of [first, second]) {
          const { backupId } = await back(pin);
          shapes.push([...clearOf()].map(([key, bytes]) => shapeOf(`${key} ${bytes}`, backupId)));
        }
        expect(shapes[0]?.length).toBeGreaterThan(2);
        expect(shapes[1]).toEqual(shapes[0]);
      }),
      { numRuns: 6 },
    );
  });
});

/** A document with what no content decides put aside: times, names that are random, ciphertexts. */
function shapeOf(document: string, backupId: string): string {
  return (
    document
      .replaceAll(backupId, "ID")
      .replaceAll(`files-${backupId.slice(-6)}-`, "files-ID-")
      .replaceAll(/"(plainDigest|storedSha256|manifestSha256|digestKeyId|vaultId|token)":"[0-9a-z]+"/g, '"$1":"…"')
      .replaceAll(/"sealed":\["([A-Za-z0-9+/=]+)"\]/g, (_, text: string) => `"sealed":${text.length}`)
      .replaceAll(/\d{8}T\d{6,9}Z/g, "STAMP")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(
        /"(?:verify|open|load|compare|sourceCheck|assert|close|measuredSeconds|renewedUptimeMs|freeBytes)":[\d.]+/g,
        "DURATION",
      )
      .replaceAll(/-[0-9a-f]{16,}\.json/g, "-TOKEN.json")
      // By their lengths: either may have a hyphen anywhere.
      .replaceAll(/-[A-Za-z0-9_-]{43}-[A-Za-z0-9_-]{86}\.json/g, "-SIGNED.json")
  );
}
