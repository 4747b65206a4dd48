/** Signing with a key in KMS, against a local emulator of AWS. */
import { createPublicKey, verify } from "node:crypto";
import {
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DisableKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { checkSigning } from "../../../src/pipeline/check/check-signing.ts";
import type { KeyConfig, SigningKeyReference } from "../../../src/policy/policy.ts";
import { statementText } from "../../../src/proof/statement.ts";
import { openSigner, openVerifier } from "../../../src/sealing/signing.ts";
import { failureOf } from "../../sealing/sealing-fixture.ts";
import { startMiniStack } from "../../support/ministack.ts";

const region = "eu-central-1";
const alias = "alias/holdfast-signing";
const message = statementText({
  kind: "evidence",
  vaultId: "0123456789abcdef0123456789abcdef",
  source: "taskmaster",
  backupId: "20261120T020000Z-full-7k3f9a",
  stamp: "20261120T021000000Z",
  check: "proven",
  sha256: "A".repeat(43),
});

let ministack: Awaited<ReturnType<typeof startMiniStack>>;
let kms: KMSClient;
let arn: string;
/** As `aws kms get-public-key` gives it. */
let publicKey: string;

async function createKey(input: CreateKeyCommandInput = { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
  return KeyMetadata?.Arn ?? "";
}

async function publicKeyOf(KeyId: string): Promise<string> {
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
  return Buffer.from(PublicKey ?? []).toString("base64");
}

const entry = (signing: SigningKeyReference): KeyConfig => ({
  name: "main",
  keys: [{ type: "kms", keyId: "alias/never-asked", region, endpoint: ministack.endpoint, signing }],
});
/** Without a server that answers: what is checked, is checked on this machine. */
const offline = (signing: SigningKeyReference): KeyConfig => ({
  name: "main",
  keys: [{ type: "kms", keyId: "alias/never-asked", region, endpoint: "http://127.0.0.1:9", signing }],
});

beforeAll(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  ministack = await startMiniStack();
  kms = new KMSClient({ region, endpoint: ministack.endpoint });
  arn = await createKey();
  publicKey = await publicKeyOf(arn);
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: arn }));
});
afterAll(async () => {
  kms.destroy();
  await ministack.stop();
  vi.unstubAllEnvs();
});

describe("a signing key in KMS", () => {
  it("signs by alias and by ARN, in 64 bytes that any tool verifies, and the policy's public key without a request", async () => {
    for (const key of [alias, arn]) {
      const signature = await (await openSigner(entry({ key }))).sign(message);
      expect(signature).toHaveLength(64);
      const own = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
      expect(verify("sha256", message, { key: own, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
      const verifier = await openVerifier([offline({ key, publicKey })]);
      expect([verifier.lacking, verifier.verify(message, signature)]).toEqual([undefined, "genuine"]);
      expect(verifier.verify(Buffer.concat([message, Buffer.from(" ")]), signature)).toBe("forged");
    }
  });

  it("gives its public key itself where the policy has none; where it does not answer, nothing is called forged", async () => {
    const signature = await (await openSigner(entry({ key: alias, publicKey }))).sign(message);
    expect((await openVerifier([entry({ key: alias })])).verify(message, signature)).toBe("genuine");
    const silent = await openVerifier([offline({ key: alias })]);
    expect(silent.verify(message, signature)).toBe("unknown");
    expect(silent.lacking?.name).toBe("KeyUnavailable");
  });

  it("gives nothing out that the policy's public key does not verify", async () => {
    const other = await publicKeyOf(await createKey());
    const failure = await failureOf((await openSigner(entry({ key: alias, publicKey: other }))).sign(message));
    expect(failure).toMatchObject({ name: "KeyUnavailable", message: expect.stringContaining("publicKey under keys.main") });
  });

  it.each([
    ["seals", { KeySpec: "SYMMETRIC_DEFAULT" }],
    ["is on another curve", { KeySpec: "ECC_NIST_P384", KeyUsage: "SIGN_VERIFY" }],
    ["is of RSA", { KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" }],
  ] as const)("is not one that %s: the error names the type that it takes", async (_, input) => {
    const key = await createKey(input);
    const failure = await openSigner(entry({ key })).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "KeyUnavailable", hint: expect.stringContaining("ECC_NIST_P256") });
  });

  it("that is disabled, or that nobody knows, is unavailable, and says why", async () => {
    const key = await createKey();
    const signer = await openSigner(entry({ key, publicKey: await publicKeyOf(key) }));
    await kms.send(new DisableKeyCommand({ KeyId: key }));
    expect(await failureOf(signer.sign(message))).toMatchObject({
      name: "KeyUnavailable",
      message: expect.stringContaining("disabled"),
    });
    const unknown = await failureOf(openSigner(entry({ key: "alias/nobody" })));
    expect(unknown).toMatchObject({ name: "KeyUnavailable", message: expect.stringContaining("kms:GetPublicKey") });
  });
});

describe("the check of a signing key", () => {
  const check = (config: KeyConfig) => checkSigning(config);

  it("shows the public key to pin where the policy has none", async () => {
    const [finding] = await check(entry({ key: alias }));
    expect(finding).toMatchObject({
      level: "warning",
      subject: "signing",
      remedy: expect.stringContaining(`publicKey: ${publicKey}`),
    });
  });

  it("finds the policy's equal to that of KMS, and another not", async () => {
    expect(await check(entry({ key: alias, publicKey }))).toEqual([
      { level: "ok", subject: "signing", message: expect.stringContaining(alias) },
    ]);
    const other = await publicKeyOf(await createKey());
    expect(await check(entry({ key: alias, publicKey: other }))).toMatchObject([
      { level: "error", remedy: expect.stringContaining(publicKey) },
    ]);
  });

  it("takes the policy's word where KMS does not say", async () => {
    expect(await check(offline({ key: alias, publicKey }))).toMatchObject([
      { level: "ok", message: expect.stringContaining("could not be compared") },
    ]);
    expect(await check(offline({ key: alias }))).toMatchObject([{ level: "error" }]);
  });

  it("finds a KMS key without a signing key", async () => {
    const config: KeyConfig = { name: "main", keys: [{ type: "kms", keyId: "alias/holdfast" }] };
    expect(await check(config)).toMatchObject([{ level: "error", message: expect.stringContaining("no signing key") }]);
  });
});
