/** The commands of docs/vault-format.md that check a signature without Holdfast. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { publicKeyOf } from "../../src/sealing/file-signer.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { sampleEvidence, sampleId } from "../support/sample-backups.ts";
import { signedVault, testSigner, testVaultId } from "../support/signed-vault.ts";

interface Vectors {
  readonly vaultId: string;
  readonly publicKeys: Readonly<Record<"ed25519" | "p256", string>>;
  readonly documents: readonly { readonly kind: string; readonly body: string; readonly names: Vectors["publicKeys"] }[];
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const { vaultId, publicKeys, documents } = JSON.parse(read("../vectors/vault/signatures.json")) as Vectors;
const [, commands = ""] = /<!-- verify offline -->\n```sh\n([\s\S]*?)```/.exec(read("../../docs/vault-format.md")) ?? [];
const directory = mkdtempSync(join(tmpdir(), "holdfast-offline-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Given {
  readonly name: string;
  readonly body: Uint8Array | string;
  readonly publicKey: string;
  readonly vaultId?: string;
}

function check(given: Given) {
  const file = join(directory, "document.json");
  writeFileSync(file, given.body);
  const { PATH = "" } = process.env;
  return spawnSync("sh", ["-c", commands], {
    encoding: "utf8",
    env: {
      PATH,
      TMPDIR: directory,
      VAULT_ID: given.vaultId ?? vaultId,
      NAME: given.name,
      FILE: file,
      PUBLIC_KEY: given.publicKey,
    },
  });
}

const cases = documents.flatMap(({ kind, body, names }) =>
  (["ed25519", "p256"] as const).map((algorithm) => ({
    kind,
    algorithm,
    given: { name: names[algorithm], body, publicKey: publicKeys[algorithm] },
  })),
);

describe("the documented commands", () => {
  it.each(cases)("take a document ($kind, $algorithm) that another tool signed", ({ given }) => {
    const { status, stdout, stderr } = check(given);
    expect(stdout, stderr).toMatch(/Signature Verified Successfully|Verified OK/);
    expect(status).toBe(0);
  });

  it.each(cases)("refuse it ($kind, $algorithm) once anything of it is another", ({ kind, given }) => {
    const later = (name: string): string => name.replace("123Z", "124Z").replace("000000Z", "000001Z").replace("456Z", "457Z");
    const changes: Given[] = [
      { ...given, body: `${given.body} ` },
      { ...given, vaultId: "1123456789abcdefghjkmnpqrs" },
      { ...given, name: given.name.replace("full-7k3f9a", "full-7k3f9b") },
      { ...given, name: given.name.replace("taskmaster", "tasks") },
      { ...given, name: kind === "evidence" ? given.name.replace("-verified-", "-proven-") : later(given.name) },
      { ...given, publicKey: publicKeyOf(new Uint8Array(32).fill(9)) },
    ];
    for (const change of changes) expect(check(change).status, JSON.stringify(change)).not.toBe(0);
  });

  it("take evidence that Holdfast wrote", async () => {
    const store = makeMemoryStore();
    const evidence = sampleEvidence("shop-2.eu", sampleId("2026-11-20T02:00:00Z"), "proven", "2026-11-20T03:00:00.000Z");
    const { key } = await appendEvidence(signedVault(store), evidence, testSigner);
    const publicKey = publicKeyOf(new Uint8Array(32).fill(7));
    const body = store.objects.get(key)?.bytes ?? "";
    expect(check({ name: key, body, publicKey, vaultId: testVaultId }).status).toBe(0);
  });
});
