/** Manifests and evidence as small as the format allows. */
import type { CheckName } from "../../src/vault/backup-state.ts";
import type { Evidence } from "../../src/vault/documents/evidence.ts";
import type { Manifest } from "../../src/vault/documents/manifest.ts";
import { newBackupId, parseBackupId } from "../../src/vault/layout.ts";

const sha256 = "0123456789abcdef".repeat(4);

/** An id at a time, with a suffix of its own. */
export function sampleId(time: string, suffix = 0): string {
  return newBackupId(new Date(time), "full", () => Buffer.alloc(6, suffix));
}

export function sampleManifest(source: string, id: string, change: Partial<Manifest> = {}): Manifest {
  const parsed = parseBackupId(id);
  if (parsed === undefined) throw new Error(`${id} is no id`);
  return {
    formatVersion: 2,
    id,
    source,
    engine: "postgres",
    kind: parsed.kind,
    base: null,
    coverage: { to: { at: parsed.startedAt.toISOString() } },
    startedAt: parsed.startedAt.toISOString(),
    finishedAt: parsed.startedAt.toISOString(),
    facts: {},
    notices: [],
    artifacts: [
      {
        name: "database.dump",
        role: "archive",
        format: "pg_dump-custom",
        compression: "none",
        keyId: "k",
        plainBytes: 1,
        plainDigest: sha256,
        storedBytes: 2,
        storedSha256: sha256,
      },
    ],
    sourceCheck: { mode: "none", objects: {} },
    digestKeyId: sha256.slice(0, 16),
    policySha256: sha256,
    holdfastVersion: "0.1.0",
    ...change,
  };
}

/** What a sample that builds on `id` says of that. */
export function sampleBase(id: string, manifestSha256 = sha256): Pick<Manifest, "base" | "coverage"> {
  const at = "2026-01-01T00:00:00.000Z";
  return { base: { id, manifestSha256 }, coverage: { from: { at }, to: { at } } };
}

export function sampleEvidence(source: string, backupId: string, check: CheckName, at: string): Evidence {
  return {
    formatVersion: 2,
    source,
    backupId,
    check,
    at,
    manifestSha256: sha256,
    holdfastVersion: "0.1.0",
    by: "host:1",
    findings: ["damaged", "disproven", "unproven"].includes(check) ? ["something is wrong"] : [],
    ...(check === "accepted" ? { reason: "a table was dropped" } : {}),
  };
}
