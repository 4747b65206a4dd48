/** Sealing with a KMS key, against a local emulator of AWS. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtInEngines } from "../../../src/engines/engine-registry.ts";
import { writeInstructions } from "../../../src/pipeline/export/vault-instructions.ts";
import { openKeys, type SealingKeys } from "../../../src/sealing/keys.ts";
import { openManifestSeal, sealManifest } from "../../../src/sealing/manifest-seal.ts";
import { encryptionContext } from "../../../src/sealing/message.ts";
import { canonicalJson, sha256Hex } from "../../../src/vault/documents/canonical-json.ts";
import { context, failureOf, open, seal, vaultId } from "../../sealing/sealing-fixture.ts";
import { followRestoreInstructions } from "../../support/follow-restore-instructions.ts";
import { startMiniStack } from "../../support/ministack.ts";

const region = "eu-central-1";
const credentials = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
const plain = randomBytes(1_500_000);
let ministack: Awaited<ReturnType<typeof startMiniStack>>;
let kms: KMSClient;
let arn: string;
let before: NodeJS.ProcessEnv;

async function createKey(): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  if (KeyMetadata?.Arn === undefined) throw new Error("the emulator made a key without an ARN");
  return KeyMetadata.Arn;
}

function keysOf(first: string, ...others: string[]): Promise<SealingKeys> {
  const reference = (keyId: string) => ({ type: "kms", keyId, region, endpoint: ministack.endpoint }) as const;
  return openKeys({ name: "main", keys: [reference(first), ...others.map(reference)] });
}

beforeAll(async () => {
  before = { ...process.env };
  Object.assign(process.env, credentials);
  ministack = await startMiniStack();
  kms = new KMSClient({ region, endpoint: ministack.endpoint });
  arn = await createKey();
  await kms.send(new CreateAliasCommand({ AliasName: "alias/holdfast", TargetKeyId: arn }));
});
afterAll(async () => {
  kms.destroy();
  await ministack.stop();
  for (const name of Object.keys(credentials)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

describe("a key in KMS", () => {
  it.each([false, true])("seals and opens, compress %s", async (compress) => {
    const keys = await keysOf(arn);
    const { bytes, figures } = await seal(plain, { keys, compress });
    expect(figures.keyId).toBe(`kms:${arn}`);
    expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
  });

  it("is recorded by its ARN when the policy names an alias, and opens by either", async () => {
    const byAlias = await keysOf("alias/holdfast");
    const { bytes, figures } = await seal(plain, { keys: byAlias });
    expect(figures.keyId).toBe(`kms:${arn}`);
    for (const keys of [byAlias, await keysOf(arn)]) expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
  });

  it("makes way for a new one, and still opens what it sealed", async () => {
    const newer = await createKey();
    const older = await seal(plain, { keys: await keysOf(arn) });
    const keys = await keysOf(newer, arn);
    const sealed = await seal(plain, { keys });
    expect(sealed.figures.keyId).toBe(`kms:${newer}`);
    for (const { bytes, figures } of [older, sealed]) expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
    const without = await failureOf(open(older.bytes, older.figures, { keys: await keysOf(newer) }));
    expect(without.name).toBe("KeyMissing");
    expect(without.message).toContain(arn);
    expect(without.message).toContain(newer);
  });

  it("does not unwrap under another context: a forged header is damage", async () => {
    const keys = await keysOf(arn);
    const { bytes, figures } = await seal(plain, { keys });
    const other = { ...context, artifact: "archive.dumP" };
    const forged = Buffer.from(bytes);
    forged.write("archive.dumP", forged.indexOf("archive.dump"));
    expect((await failureOf(open(forged, figures, { keys, context: other }))).name).toBe("ArtifactDamaged");
    expect((await failureOf(open(bytes, figures, { keys, context: other }))).name).toBe("SealInvalid");
  });

  it("signs the seal of a manifest: what only its data key would make is refused", async () => {
    const keys = await keysOf(arn);
    const made = { keys, context: { vaultId, source: "taskmaster", backupId: "20261120T020000Z-full-7k3f9a" } };
    const sha256 = "a".repeat(64);
    const sealed = await sealManifest(sha256, made);
    expect(Buffer.from(sealed.subarray(1, 3)).toString("hex")).toBe("0578");
    expect(await openManifestSeal(sealed, keys)).toEqual({ sha256, context: made.context });
    const { buildEncrypt } = await import("@aws-crypto/encrypt-node");
    const { encrypt } = buildEncrypt({ maxEncryptedDataKeys: 1 });
    const unsigned = await encrypt(await keys.sealingKeyring(), Buffer.from("b".repeat(64)), {
      suiteId: 0x0478,
      encryptionContext: encryptionContext({ ...made.context, artifact: "manifest" }),
    });
    expect((await failureOf(openManifestSeal(unsigned.result, keys))).name).toBe("SealInvalid");
    for (const at of [10, 100, sealed.length - 150, sealed.length - 20, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect((await failureOf(openManifestSeal(changed, keys))).name).toMatch(/^(SealInvalid|KeyMissing|KeyUnavailable)$/);
    }
    expect((await failureOf(openManifestSeal(Buffer.concat([sealed, Buffer.from("x")]), keys))).name).toBe("SealInvalid");
  });

  it("that is disabled is unavailable, for sealing and for opening, until it is enabled again", async () => {
    const own = await createKey();
    const keys = await keysOf(own);
    const { bytes, figures } = await seal(plain, { keys });
    await kms.send(new DisableKeyCommand({ KeyId: own }));
    for (const attempt of [seal(plain, { keys }), open(bytes, figures, { keys })]) {
      const failure = await failureOf(attempt);
      expect(failure.name).toBe("KeyUnavailable");
      expect(failure.message).toContain(own);
    }
    await kms.send(new EnableKeyCommand({ KeyId: own }));
    expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
  });

  it("that awaits its deletion, or that nobody knows, is unavailable", async () => {
    const own = await createKey();
    const { bytes, figures } = await seal(plain, { keys: await keysOf(own) });
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: own, PendingWindowInDays: 7 }));
    expect((await failureOf(open(bytes, figures, { keys: await keysOf(own) }))).name).toBe("KeyUnavailable");
    const unknown = arn.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    expect((await failureOf(seal(plain, { keys: await keysOf(unknown) }))).name).toBe("KeyUnavailable");
    expect((await failureOf((await keysOf("alias/nobody")).sealingKeyId())).name).toBe("KeyUnavailable");
  });

  it("opens by RESTORE.md, with the AWS Encryption SDK's own command line", async () => {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-kms-"));
    try {
      const [source, backupId] = ["taskmaster", "20261120T020000Z-full-7k3f9a"];
      const tar = Buffer.alloc(10_240); // an empty tar archive
      const own = { vaultId, source, backupId, artifact: "files-1.tar" };
      const { bytes, figures } = await seal(tar, { keys: await keysOf(arn), compress: true, context: own });
      const place = join(directory, "vault/artifacts", source, backupId);
      await mkdir(place, { recursive: true });
      await mkdir(join(directory, "vault/manifests", source), { recursive: true });
      await writeFile(join(place, "files-1.tar"), bytes);
      const artifacts = [{ name: "files-1.tar", role: "archive", format: "tar", ...figures }];
      const manifest = {
        engine: "files",
        kind: "full",
        base: null,
        coverage: { to: { at: "2026-11-20T02:00:00.000Z" } },
        artifacts,
      };
      const text = JSON.stringify(manifest);
      await writeFile(join(directory, "vault/manifests", source, `${backupId}.json`), text);
      await writeFile(join(directory, "vault/holdfast.json"), canonicalJson({ formatVersion: 2, vaultId }));
      const made = { keys: await keysOf(arn), context: { vaultId, source, backupId } };
      await writeFile(join(place, "manifest"), await sealManifest(sha256Hex(Buffer.from(text)), made));
      await followRestoreInstructions({
        instructions: await writeInstructions(builtInEngines),
        vaultDir: join(directory, "vault"),
        source,
        workDir: join(directory, "work"),
        environment: { ...credentials, AWS_ENDPOINT_URL_KMS: ministack.endpoint },
      });
      expect((await readFile(join(directory, "work/files.tar"))).equals(tar)).toBe(true);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
