import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Finding } from "../../../src/engines/finding.ts";
import type { Notice, SourceCheckResult } from "../../../src/proof/content.ts";
import { dumpToMemory, makeSource, type Proof } from "../../engines/files/memory-backup.ts";
import { isRoot, makeZoo, removeTree } from "../../engines/files/tree-zoo.ts";
import { runAs } from "../../support/run-as.ts";

/**
 * Nobody: a user that owns nothing. Only root can become it; for everybody else the tests run as
 * they are.
 */
const nobody = isRoot ? { uid: 65_534, gid: 65_534 } : undefined;
let base: string;
let temporary: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  fs.chmodSync(base, 0o755);
  temporary = join(base, "temporary");
  fs.mkdirSync(temporary);
  fs.chmodSync(temporary, 0o777);
  fs.mkdirSync(join(base, "tree"));
});
afterEach(() => removeTree(base));

async function asNobody<T>(action: string, path: string): Promise<T> {
  const script = fileURLToPath(new URL("./as-this-user.ts", import.meta.url));
  return JSON.parse(await runAs(nobody, script, [action, path, temporary])) as T;
}

function makeUnreadable(): void {
  const at = (name: string) => join(base, "tree", name);
  fs.writeFileSync(at("readable"), "x");
  fs.writeFileSync(at("secret"), "x", { mode: 0o000 });
  fs.writeFileSync(at("large-secret"), Buffer.alloc(200_000), { mode: 0o000 });
  fs.mkdirSync(at("closed"));
  fs.writeFileSync(at("closed/within"), "x");
  fs.chmodSync(at("closed"), 0o000);
  fs.mkdirSync(at("unlisted"));
  fs.writeFileSync(at("unlisted/within"), "x");
  // Its names may be listed, and not one of them looked at.
  fs.chmodSync(at("unlisted"), 0o444);
}

it("names what it cannot read, backs up the rest, and proves that", async () => {
  makeUnreadable();
  const outcome = await asNobody<{
    notices: Notice[];
    sourceCheck: SourceCheckResult;
    index: Record<string, unknown>[];
    proof: Proof;
  }>("dump", join(base, "tree"));
  expect(outcome.notices.map(({ code, subject }) => `${code} ${subject}`).sort()).toEqual([
    "directory-unreadable closed",
    "file-unreadable large-secret",
    "file-unreadable secret",
    "file-unreadable unlisted/within",
  ]);
  expect(outcome.notices.find(({ subject }) => subject === "secret")?.message).toBe(
    "secret cannot be read: permission denied (EACCES); it is not in this backup",
  );
  const stored = outcome.index.filter(({ type }) => type !== "skipped").map(({ path }) => path);
  expect(stored).toEqual([".", "closed", "readable", "unlisted"]);
  expect(outcome.index.filter(({ type }) => type === "skipped").map(({ path }) => path)).toHaveLength(4);
  // What cannot be read is missing from both sides: the count is a check all the same.
  expect(outcome.sourceCheck).toEqual({
    mode: "counts",
    objects: { files: { rows: 1 }, directories: { rows: 3 }, symlinks: { rows: 0 } },
  });
  expect(outcome.proof.sourceCheck.equal).toBe(true);
  expect(outcome.proof.comparison.differences).toEqual([]);
  expect(fs.readdirSync(temporary)).toEqual([]);
});

it("says beforehand what it could not read", async () => {
  makeUnreadable();
  const findings = await asNobody<Finding[]>("check", join(base, "tree"));
  const reading = findings.find(({ subject }) => subject === "reading");
  expect(reading).toMatchObject({ level: "warning", remedy: expect.any(String) });
  expect(reading?.message).toMatch(/^4 entries cannot be read by this user and would be missing: /);
  for (const name of ["closed", "large-secret", "secret", "unlisted/within"]) expect(reading?.message).toContain(name);
  expect(findings.some(({ subject }) => subject === "owners")).toBe(isRoot);
});

it("refuses a root that it may not list", async () => {
  fs.chmodSync(join(base, "tree"), 0o000);
  const findings = await asNobody<Finding[]>("check", join(base, "tree"));
  fs.chmodSync(join(base, "tree"), 0o755);
  expect(findings).toMatchObject([
    { level: "error", subject: "path", message: expect.stringContaining("permission denied for this user") },
  ]);
});

it("proves root's backup as far as somebody else can, and leaves nothing behind", async () => {
  await makeZoo(join(base, "tree"));
  const backup = await dumpToMemory(makeSource(join(base, "tree")));
  const stored = join(base, "backup");
  fs.mkdirSync(stored);
  for (const [name, bytes] of backup.artifacts) fs.writeFileSync(join(stored, name), bytes);
  fs.writeFileSync(join(stored, "source-check.json"), JSON.stringify(backup.sourceCheck));

  const proof = await asNobody<Proof>("prove", stored);
  expect(proof.findings).toEqual(
    isRoot
      ? [
          {
            class: "benign",
            subject: "owners",
            message: expect.stringMatching(/^ownership not restored: \d+ entries had other owners/),
          },
        ]
      : [],
  );
  expect(proof.comparison.differences).toEqual([]);
  expect(proof.comparison.equal).toBe(true);
  expect(proof.sourceCheck.equal).toBe(true);
  expect(fs.readdirSync(temporary)).toEqual([]);
});
