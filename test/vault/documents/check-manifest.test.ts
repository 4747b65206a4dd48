/** The rules of a manifest that its vectors (test/vectors/vault) do not show. */
import { describe, expect, it } from "vitest";
import { findManifestProblem } from "../../../src/vault/documents/check-manifest.ts";
import { sampleId, sampleManifest } from "../../support/sample-backups.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const manifest = sampleManifest("shop", id);
const [artifact] = manifest.artifacts;

describe("a manifest", () => {
  it.each(["engine", "holdfastVersion"])("needs words in its %s", (member) => {
    expect(findManifestProblem({ ...manifest, [member]: "" })).toContain(`manifest.${member}`);
  });

  it.each(["role", "format", "keyId"])("needs words in an artifact's %s", (member) => {
    expect(findManifestProblem({ ...manifest, artifacts: [{ ...artifact, [member]: "" }] })).toContain(member);
  });

  it.each(["counts", "content", "none"])("may say that the source was asked for %s, with a hash per object", (mode) => {
    const sourceCheck = { mode, objects: { "table public.users": { rows: 3, hash: "00" }, "table public.logs": { rows: 0 } } };
    expect(findManifestProblem({ ...manifest, sourceCheck })).toBeUndefined();
  });

  it("may not say that the source was asked in another way", () => {
    expect(findManifestProblem({ ...manifest, sourceCheck: { mode: "guess", objects: {} } })).toContain("sourceCheck.mode");
    expect(findManifestProblem({ ...manifest, sourceCheck: { mode: "none", objects: { a: { rows: 1, size: 2 } } } })).toContain(
      "size",
    );
  });

  it("may have a position beside the time that it represents", () => {
    expect(findManifestProblem({ ...manifest, consistencyPoint: { time: "now", position: "0/15E7A30" } })).toBeUndefined();
    expect(findManifestProblem({ ...manifest, consistencyPoint: { time: "" } })).toContain("consistencyPoint.time");
  });

  it("may build on a chain of any length that ends with its parent", () => {
    const chain = ["20261116T020000Z-full-000000", "20261117T020000Z-incremental-000000", "20261118T020000Z-incremental-000000"];
    const own = { ...manifest, id: "20261120T020000Z-incremental-000000", kind: "incremental" };
    for (let length = 1; length <= chain.length; length += 1) {
      const shorter = chain.slice(0, length);
      expect(findManifestProblem({ ...own, parent: shorter.at(-1), chain: shorter })).toBeUndefined();
      expect(findManifestProblem({ ...own, parent: null, chain: shorter })).toContain("does not end");
    }
    expect(findManifestProblem({ ...own, parent: chain[1], chain })).toContain("does not end");
    expect(findManifestProblem({ ...own, parent: own.id, chain: [chain[0], own.id] })).toContain("twice");
  });
});
