/** The rules that evidence of format version 2 obeys: docs/vault-format.md, "Evidence". */
import { checkNames } from "../backup-state.ts";
import { isBackupId, isSourceName } from "../layout.ts";
import { formatVersion } from "./format-version.ts";
import { amount, anything, boolean, count, digestKeyId, instant, list, object, oneOf, record, text } from "./json-shape.ts";

const digest = object({
  required: { algorithm: text(), objectCount: count, rows: count, bytes: count },
  optional: {
    objects: list(object({ required: { object: text(), bytes: count }, optional: { rows: count, columns: list(text()) } })),
    groups: list(object({ required: { object: text(), rows: count, bytes: count } })),
    sealed: list(text()),
    digestKeyId,
  },
});

const comparison = object({
  required: {
    equal: boolean,
    objectsCompared: count,
    rowsCompared: count,
    bytesCompared: count,
    differenceCount: count,
    differences: list(object({ required: { object: text(), problem: text() } })),
  },
  optional: {
    printOnly: object({ required: { count, objects: list(text()) } }),
    unjudged: object({ required: { count, objects: list(text()), reason: text() } }),
    leftOut: object({ required: { count, objects: list(text()), rows: count } }),
  },
});

const findingClass = oneOf("benign", "lacking", "excepted", "damage");

const unmet = list(object({ required: { object: text(), count, reason: text() } }));
/** Counts only: evidence is not sealed. */
const erasures = object({
  required: {
    entries: count,
    replayed: count,
    problems: count,
    objects: list(object({ required: { object: text(), erased: count, notFound: count } })),
    notApplicable: unmet,
    refused: unmet,
    stillThere: list(object({ required: { object: text(), found: count } })),
  },
});

const evidenceShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    source: text("a source's name", isSourceName),
    backupId: text("a backup's id", isBackupId),
    check: oneOf(...checkNames),
    at: instant,
    // Empty where the manifest itself could not be read.
    manifestSha256: text("a SHA-256 in hex", (value) => /^([0-9a-f]{64})?$/.test(value)),
    holdfastVersion: text(),
    by: text(),
    findings: list(text()),
  },
  optional: {
    clockAt: instant,
    digest,
    sourceCheck: comparison,
    comparison,
    loadFindings: list(object({ required: { class: findingClass, subject: text(), message: text() } })),
    assertions: list(object({ required: { name: text(), passed: boolean, expected: text(), actual: text() } })),
    timings: record(amount),
    objective: object({ required: { rtoSeconds: amount, measuredSeconds: amount, met: boolean } }),
    place: record(anything),
    erasures,
    reason: text(),
  },
});

/**
 * What is wrong with parsed evidence, in words that name the place, or undefined when nothing is.
 */
export function findEvidenceProblem(value: unknown): string | undefined {
  return evidenceShape(value, "evidence") ?? findContradiction(value as Judgement);
}

/** The members that may contradict each other. */
interface Judgement {
  readonly check: string;
  readonly manifestSha256: string;
  readonly findings: readonly unknown[];
  readonly reason?: string | undefined;
}

function findContradiction({ check, manifestSha256, findings, reason }: Judgement): string | undefined {
  const failed = check === "damaged" || check === "disproven";
  if (manifestSha256 === "" && !failed) return `evidence.manifestSha256 is empty, but the check says ${check}`;
  if ((failed || check === "unproven") && findings.length === 0) return `evidence.findings is empty, but the check says ${check}`;
  if (check === "accepted" && (reason ?? "").trim() === "") return "evidence.reason is missing";
  return undefined;
}
