/** The rules that a manifest of format version 2 obeys: docs/vault-format.md, "Manifest". */
import { type BackupKind, backupKinds } from "../../policy/policy.ts";
import { isArtifactName, isBackupId, isFirstLog, isSourceName, parseBackupId } from "../layout.ts";
import { formatVersion } from "./format-version.ts";
import { anything, count, digestKeyId, instant, list, object, oneOf, orNull, record, sha256, text } from "./json-shape.ts";
import { reusingKinds } from "./reusing-kinds.ts";

const backupId = text("a backup's id", isBackupId);
const filled = text("text that says something", (value) => value !== "");

const artifact = object({
  required: {
    name: text("an artifact's name", isArtifactName),
    role: filled,
    format: filled,
    compression: oneOf("none", "zstd"),
    keyId: filled,
    plainBytes: count,
    plainDigest: sha256,
    storedBytes: count,
    storedSha256: sha256,
  },
  optional: { reusedFrom: backupId },
});

const position = object({ required: { at: instant }, optional: { mark: filled, line: filled } });

const manifestShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    id: backupId,
    source: text("a source's name", isSourceName),
    engine: filled,
    kind: oneOf(...backupKinds),
    base: orNull(object({ required: { id: backupId, manifestSha256: sha256 } })),
    coverage: object({ required: { to: position }, optional: { from: position } }),
    startedAt: instant,
    finishedAt: instant,
    facts: record(anything),
    notices: list(object({ required: { code: filled, subject: text(), message: text() } })),
    artifacts: list(artifact),
    sourceCheck: object({
      required: {
        mode: oneOf("counts", "content", "none"),
        objects: record(object({ required: { rows: count } })),
      },
      optional: { sealed: list(text()) },
    }),
    digestKeyId,
    policySha256: text(),
    holdfastVersion: filled,
  },
});

/**
 * What is wrong with a parsed manifest, in words that name the place, or undefined when nothing is.
 */
export function findManifestProblem(value: unknown): string | undefined {
  return manifestShape(value, "manifest") ?? findContradiction(value as Claims);
}

/** The members that may contradict each other. */
interface Claims {
  readonly id: string;
  readonly kind: BackupKind;
  readonly base: { readonly id: string } | null;
  readonly coverage: { readonly from?: { readonly at: string } | undefined; readonly to: { readonly at: string } };
  readonly artifacts: readonly { readonly name: string; readonly reusedFrom?: string | undefined }[];
}

function findContradiction(manifest: Claims): string | undefined {
  const { id, kind, base, coverage, artifacts } = manifest;
  if (parseBackupId(id)?.kind !== kind) return `manifest.kind is ${kind}, but manifest.id says otherwise`;
  if (base !== null && base.id >= id) return "manifest.base is not older than the backup itself";
  const isFirst = kind === "log" && base !== null && parseBackupId(base.id)?.kind !== "log";
  if (isFirstLog(id) !== isFirst) return "manifest.id says of another base than manifest.base";
  if ((base === null) !== (coverage.from === undefined)) return "manifest.coverage.from does not go with manifest.base";
  if (coverage.from !== undefined && coverage.from.at > coverage.to.at) return "manifest.coverage runs backwards";
  const names = new Set(artifacts.map(({ name }) => name));
  if (names.size !== artifacts.length) return "manifest.artifacts has one name twice";
  return findWrongReuse(manifest);
}

/** Who asks which objects are named reads the manifests of some kinds only (reuse.ts). */
function findWrongReuse({ id, kind, artifacts }: Claims): string | undefined {
  const reused = artifacts.flatMap(({ reusedFrom }) => reusedFrom ?? []);
  if (reused.length > 0 && !reusingKinds.has(kind)) return `manifest.kind is ${kind}, which reuses no artifacts`;
  if (reused.some((from) => from >= id)) return "manifest.artifacts has one that is reused from a later backup";
  return undefined;
}
