/** What a name that carries a signature says, and what it is signed for. */
import { describe, expect, it } from "vitest";
import { keyOf, parseEvidenceKey, parseHoldKey, parseTombstoneKey, type SignedKey } from "../../src/vault/layout.ts";
import { judgeName, matchesName, signDocument } from "../../src/vault/signed-documents.ts";
import { sampleId } from "../support/sample-backups.ts";
import { lackingVerifier, testSigner, testVaultId, testVerifier } from "../support/signed-vault.ts";

const [source, id, at] = ["shop", sampleId("2026-11-20T02:00:00Z"), new Date("2026-11-20T03:00:00.123Z")] as const;
const bytes = Buffer.from('{"a":1}');
const vault = { id: testVaultId, verifier: testVerifier };

/** The name of a document of each kind, signed by the product itself. */
async function nameOf(kind: "evidence" | "hold" | "tombstone"): Promise<SignedKey> {
  const check = kind === "evidence" ? ("proven" as const) : undefined;
  const signed = await signDocument(testVaultId, testSigner, { kind, source, id, at, check }, bytes);
  const name = {
    evidence: () => parseEvidenceKey(keyOf.evidence(source, id, at, "proven", signed)),
    hold: () => parseHoldKey(keyOf.hold(source, id, at, signed)),
    tombstone: () => parseTombstoneKey(keyOf.tombstone(source, id, at, signed)),
  }[kind]();
  if (name?.signed === undefined) throw new Error(`${kind} has no name that carries a signature`);
  return name;
}

describe.each(["evidence", "hold", "tombstone"] as const)("a signed name of %s", (kind) => {
  it("is genuine in its vault, and belongs to the bytes that were signed", async () => {
    const name = await nameOf(kind);
    expect(judgeName(vault, name)).toBe("genuine");
    expect(matchesName(name, bytes)).toBe(true);
    expect(matchesName(name, Buffer.from('{"a":2}'))).toBe(false);
  });

  it("is forged as soon as it says anything else", async () => {
    const name = await nameOf(kind);
    const { signed } = name;
    const others: SignedKey[] = [
      { ...name, source: "wiki" },
      { ...name, id: sampleId("2026-11-20T02:00:00Z", 1) },
      { ...name, at: "2026-11-20T03:00:00.124Z" },
      { ...name, kind: kind === "hold" ? "tombstone" : "hold" },
      { ...name, signed: { signature: signed?.signature ?? "", sha256: "A".repeat(43) } },
    ];
    for (const other of others) expect(judgeName(vault, other)).toBe("forged");
    expect(judgeName(vault, { ...name, check: "verified" })).toBe("forged");
    expect(judgeName({ ...vault, id: "1123456789abcdefghjkmnpqrs" }, name)).toBe("forged");
  });

  it("is not known where no public key is at hand, and forged all the same without a signature", async () => {
    const { signed: _none, ...unsigned } = await nameOf(kind);
    const lacking = { id: testVaultId, verifier: lackingVerifier({ name: "KeyUnavailable" } as never) };
    expect(judgeName(lacking, await nameOf(kind))).toBe("unknown");
    for (const judge of [vault, lacking]) expect(judgeName(judge, unsigned)).toBe("forged");
    expect(matchesName(unsigned, bytes)).toBe(false);
  });
});
