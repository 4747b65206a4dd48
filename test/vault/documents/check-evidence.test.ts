/** The rules of evidence: what each check must say, and every figure that one may. */
import { describe, expect, it } from "vitest";
import { checkNames } from "../../../src/vault/backup-state.ts";
import { findEvidenceProblem } from "../../../src/vault/documents/check-evidence.ts";
import { sampleEvidence, sampleId } from "../../support/sample-backups.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const at = "2026-11-20T03:00:00.000Z";
const sha256 = "0123456789abcdef".repeat(4);
const evidence = (change: object = {}, check: (typeof checkNames)[number] = "verified") => ({
  ...sampleEvidence("shop", id, check, at),
  ...change,
});

const comparison = {
  equal: true,
  objectsCompared: 1,
  rowsCompared: 2,
  bytesCompared: 3,
  differenceCount: 0,
  differences: [],
};
const digest = { algorithm: "a", objectCount: 1, rows: 2, bytes: 3 };
const sealed = { sealed: ["AAAA"], digestKeyId: sha256.slice(0, 16) };

describe("evidence", () => {
  it.each(checkNames)("may be of a backup that is %s", (check) => {
    expect(findEvidenceProblem(evidence({}, check))).toBeUndefined();
  });

  it.each([
    ["what a clock said that was set back", { clockAt: at }],
    ["a digest of objects", { digest: { ...digest, objects: [{ object: "t", bytes: 3 }] } }],
    [
      "objects with their rows and columns, and what is sealed of them",
      { digest: { ...digest, ...sealed, objects: [{ object: "t", rows: 2, columns: ["a"], bytes: 3 }] } },
    ],
    [
      "groups",
      {
        digest: {
          ...digest,
          groups: [
            { object: "directory a", rows: 1, bytes: 3 },
            { object: "type pdf", rows: 1, bytes: 3 },
          ],
        },
      },
    ],
    ["a comparison", { comparison, sourceCheck: comparison }],
    ["what differs in print only", { comparison: { ...comparison, printOnly: { count: 1, objects: ["view v"] } } }],
    ["what could not be judged", { comparison: { ...comparison, unjudged: { count: 1, objects: ["view v"], reason: "no" } } }],
    ["what was left out", { comparison: { ...comparison, leftOut: { count: 1, objects: ["view v"], rows: 2 } } }],
    [
      "the time that it took, and whether that was met",
      { timings: { load: 0.5 }, objective: { rtoSeconds: 1, measuredSeconds: 0.25, met: true } },
    ],
    ["where it was restored", { place: { version: "17", anything: [1] } }],
    ["assertions", { assertions: [{ name: "n", passed: true, expected: "1", actual: "1" }] }],
  ])("may say %s", (_, change) => {
    expect(findEvidenceProblem(evidence(change))).toBeUndefined();
  });

  it.each(["benign", "lacking", "excepted", "damage"])("may have found something %s while it loaded", (name) => {
    expect(findEvidenceProblem(evidence({ loadFindings: [{ class: name, subject: "s", message: "m" }] }))).toBeUndefined();
  });

  it.each([
    ["another kind of finding", { loadFindings: [{ class: "odd", subject: "s", message: "m" }] }, "loadFindings"],
    ["a check that nobody knows", { check: "good" }, "check"],
    ["half a digest", { digest: { algorithm: "a" } }, "digest"],
    ["half an object", { digest: { ...digest, objects: [{ object: "t" }] } }, "objects"],
    ["half a group", { digest: { ...digest, groups: [{ object: "t" }] } }, "groups"],
    ["a digest of all content in clear", { digest: { ...digest, sha256 } }, "sha256"],
    ["an object's digest in clear", { digest: { ...digest, objects: [{ object: "t", bytes: 3, sha256 }] } }, "sha256"],
    [
      "a sample in clear",
      { digest: { ...digest, groups: [{ object: "t", rows: 1, bytes: 1, sample: { bytes: 1, compressedBytes: 1 } }] } },
      "sample",
    ],
    ["a digest of what was restored", { comparison: { ...comparison, sha256 } }, "sha256"],
    ["a digest key that is none", { digest: { ...digest, ...sealed, digestKeyId: "key" } }, "digestKeyId"],
    ["half a comparison", { comparison: { equal: true } }, "comparison"],
    ["half a comparison with the source", { sourceCheck: { equal: true } }, "sourceCheck"],
    ["half a difference", { comparison: { ...comparison, differences: [{ object: "t" }] } }, "differences"],
    ["half of what differs in print", { comparison: { ...comparison, printOnly: {} } }, "printOnly"],
    ["half of what was not judged", { comparison: { ...comparison, unjudged: {} } }, "unjudged"],
    ["half of what was left out", { comparison: { ...comparison, leftOut: {} } }, "leftOut"],
    ["half a finding", { loadFindings: [{ class: "damage" }] }, "loadFindings"],
    ["half an assertion", { assertions: [{ name: "n" }] }, "assertions"],
    ["half an objective", { objective: { met: true } }, "objective"],
    ["a time that is none", { timings: { load: "1" } }, "timings"],
    ["a checksum that is none", { manifestSha256: `${sha256}0` }, "manifestSha256"],
    ["a checksum in capitals", { manifestSha256: sha256.toUpperCase() }, "manifestSha256"],
    ["another source's name", { source: "../shop" }, "source"],
    ["a name that is no backup's", { backupId: "x" }, "backupId"],
    ["another format", { formatVersion: 0 }, "formatVersion"],
  ])("may not say %s", (_, change, says) => {
    expect(findEvidenceProblem(evidence(change))).toContain(says);
  });

  it.each(Object.keys(evidence()))("needs its %s", (member) => {
    const { [member as "at"]: _gone, ...rest } = evidence();
    expect(findEvidenceProblem(rest)).toBe(`evidence.${member} is missing`);
  });
});

describe("what a check must say", () => {
  it.each(["damaged", "disproven", "unproven"] as const)("of a %s backup: why", (check) => {
    expect(findEvidenceProblem(evidence({ findings: [] }, check))).toContain("findings");
  });

  it.each(["verified", "suspicious", "proven"] as const)("of a %s backup: nothing more", (check) => {
    expect(findEvidenceProblem(evidence({ findings: [] }, check))).toBeUndefined();
  });

  it.each(checkNames)("of a %s backup: which manifest it read, unless that was what is wrong", (check) => {
    const problem = findEvidenceProblem(evidence({ manifestSha256: "" }, check));
    if (check === "damaged" || check === "disproven") expect(problem).toBeUndefined();
    else expect(problem).toContain("manifestSha256");
  });

  it("of an accepted backup: a person's reason", () => {
    const { reason: _gone, ...without } = evidence({}, "accepted") as { reason?: string };
    expect(findEvidenceProblem(without)).toContain("reason is missing");
    for (const reason of ["", "  "]) expect(findEvidenceProblem(evidence({ reason }, "accepted"))).toContain("reason");
    expect(findEvidenceProblem(evidence({ reason: "moved" }, "accepted"))).toBeUndefined();
  });
});
