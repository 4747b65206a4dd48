/** The rules of a manifest that its vectors (test/vectors/vault) do not show. */
import { describe, expect, it } from "vitest";
import { findManifestProblem } from "../../../src/vault/documents/check-manifest.ts";
import { sampleBase, sampleId, sampleManifest } from "../../support/sample-backups.ts";

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

  it.each(["counts", "content", "none"])("may say that the source was asked for %s, with its hashes sealed", (mode) => {
    const sourceCheck = { mode, objects: { "table public.users": { rows: 3 }, "table public.logs": { rows: 0 } } };
    expect(findManifestProblem({ ...manifest, sourceCheck })).toBeUndefined();
    expect(findManifestProblem({ ...manifest, sourceCheck: { ...sourceCheck, sealed: ["AAAA"] } })).toBeUndefined();
    const inClear = { ...sourceCheck, objects: { "table public.users": { rows: 3, hash: "00" } } };
    expect(findManifestProblem({ ...manifest, sourceCheck: inClear })).toContain("hash is unknown");
  });

  it("may not say that the source was asked in another way", () => {
    expect(findManifestProblem({ ...manifest, sourceCheck: { mode: "guess", objects: {} } })).toContain("sourceCheck.mode");
    expect(findManifestProblem({ ...manifest, sourceCheck: { mode: "none", objects: { a: { rows: 1, size: 2 } } } })).toContain(
      "size",
    );
  });

  it("may have the source's own names beside the instant that it represents", () => {
    const to = { at: "2026-11-20T02:00:01.500Z" };
    expect(findManifestProblem({ ...manifest, coverage: { to: { ...to, mark: "0/15E7A30", line: "1" } } })).toBeUndefined();
    expect(findManifestProblem({ ...manifest, coverage: { to: { at: "now" } } })).toContain("coverage.to.at");
    expect(findManifestProblem({ ...manifest, coverage: { to: { ...to, mark: "" } } })).toContain("coverage.to.mark");
    expect(findManifestProblem({ ...manifest, coverage: {} })).toContain("coverage.to is missing");
  });

  it("builds on an older backup, and says where it goes on", () => {
    const [from, to] = [{ at: "2026-11-19T02:00:00.000Z" }, { at: "2026-11-20T02:00:00.000Z" }];
    const base = { id: "20261119T020000Z-full-000000", manifestSha256: "0".repeat(64) };
    const own = { ...manifest, id: "20261120T020000Z-incremental-000000", kind: "incremental" };
    expect(findManifestProblem({ ...own, base, coverage: { from, to } })).toBeUndefined();
    expect(findManifestProblem({ ...own, base, coverage: { from: to, to } })).toBeUndefined();
    expect(findManifestProblem({ ...own, base, coverage: { from: to, to: from } })).toContain("runs backwards");
    expect(findManifestProblem({ ...own, base, coverage: { to } })).toContain("coverage.from does not go with");
    expect(findManifestProblem({ ...own, base: null, coverage: { from, to } })).toContain("coverage.from does not go with");
    for (const id of [own.id, "20261120T020001Z-full-000000", "20261120T020000Z-log-000000"]) {
      expect(findManifestProblem({ ...own, base: { ...base, id }, coverage: { from, to } })).toContain("not older");
    }
    expect(findManifestProblem({ ...own, base: base.id, coverage: { from, to } })).toContain("base is not an object");
  });

  describe("that reuses artifacts", () => {
    const own = { ...manifest, ...sampleBase("20261118T020000Z-full-000000") };
    const reusing = (kind: string, reusedFrom: string) => ({
      ...own,
      // A log on a full says in its id that it is the first.
      id: `20261120T020000Z-${kind === "log" ? "log-first" : kind}-000000`,
      kind,
      artifacts: [
        { ...artifact, name: "own" },
        { ...artifact, reusedFrom },
      ],
    });
    const earlier = "20261119T020000Z-full-000000";

    it.each(["incremental", "differential"])("is %s, and names an earlier backup that stored them", (kind) => {
      expect(findManifestProblem(reusing(kind, earlier))).toBeUndefined();
      expect(findManifestProblem(reusing(kind, "x"))).toContain("reusedFrom");
      const id = `20261120T020000Z-${kind}-000000`;
      for (const later of [id, "20261120T020001Z-full-000000"]) {
        expect(findManifestProblem(reusing(kind, later))).toContain("reused from a later backup");
      }
    });

    it.each(["full", "log", "snapshot"])("is never %s: a prune would not read its manifest for what it needs", (kind) => {
      expect(findManifestProblem(reusing(kind, earlier))).toContain(`${kind}, which reuses no artifacts`);
      const { artifacts: _reused, ...without } = reusing(kind, earlier);
      expect(findManifestProblem({ ...without, artifacts: [artifact] })).toBeUndefined();
    });
  });
});
