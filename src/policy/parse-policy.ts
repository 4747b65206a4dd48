/** The text of holdfast.yml -> a validated, frozen Policy, or every problem in it at once. */
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { assumeEngines, checkReferences, checkSecrets } from "./check-references.ts";
import { checkText } from "./check-text.ts";
import type { EnginePolicies } from "./engine-policy.ts";
import { enginePolicies } from "./engines.ts";
import { explainIssues } from "./explain-issues.ts";
import type { Policy } from "./policy.ts";
import { policySchema } from "./policy-schema.ts";
import { formatProblems, type PlacedProblem, type Problem } from "./problem.ts";
import { resolvePolicy } from "./resolve-policy.ts";
import { readYaml, type YamlTree } from "./yaml-tree.ts";

export interface ParseOptions {
  /** Where relative paths begin; the file's own directory when absent. */
  readonly directory?: string;
  /** The absolute path of the file itself. */
  readonly file?: string;
  /** What `~` is; when absent, a path with `~` is a problem. */
  readonly home?: string | undefined;
  /** The engines that its sources may name; Holdfast's own when absent. */
  readonly engines?: EnginePolicies;
}

/**
 * Reads a policy. Pure: looks at no file, environment or clock.
 * `fileName` is how positions name the file: `holdfast.yml:12:5: …`.
 * Errors: PolicyInvalid, whose details are all the problems, one a line, in the order of the text.
 * No problem repeats anything that may be a secret.
 */
export function parsePolicy(text: string, fileName: string, options: ParseOptions = {}): Policy {
  const fail = (problems: readonly PlacedProblem[]) => invalid(fileName, formatProblems(problems, fileName, text));
  const flaw = checkText(text);
  if (flaw !== undefined) throw fail([flaw]);
  const tree = readYaml(text);
  if (!("value" in tree)) throw fail(tree.problems);
  if (tree.value === null && tree.problems.length === 0) {
    throw fail([{ path: [], message: "the policy is empty; write one with `holdfast init`", offset: 0 }]);
  }
  const { engines = enginePolicies } = options;
  const assumed = assumeEngines(tree.value, engines);
  const written = policySchema(engines).safeParse(assumed.policy);
  // What comes first explains what comes later at the same place.
  const problems: PlacedProblem[] = [
    ...tree.problems,
    ...place(checkSecrets(tree.value, engines), tree),
    ...place(assumed.problems, tree),
    ...place(written.success ? [] : explainIssues(written.error.issues), tree),
    ...place(checkReferences(tree.value), tree),
  ];
  if (!written.success || problems.length > 0) throw fail(problems);
  const sha256 = createHash("sha256").update(text, "utf8").digest("hex");
  const places = {
    directory: options.directory ?? resolve(dirname(fileName)),
    home: options.home,
  };
  const policy = resolvePolicy(written.data, sha256, places, engines);
  if ("problems" in policy) throw fail(place(policy.problems, tree));
  return freeze(options.file === undefined ? policy : { ...policy, file: options.file });
}

function place(problems: readonly Problem[], tree: YamlTree): PlacedProblem[] {
  return problems.map(({ path, message, anchor }) => ({ path, message, offset: tree.locate(path, anchor) }));
}

function invalid(fileName: string, lines: readonly string[]): HoldfastError {
  const count = lines.length === 1 ? "one problem" : `${lines.length} problems`;
  return new HoldfastError("PolicyInvalid", `${fileName} has ${count}`, { details: lines });
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) freeze(part as object);
  return Object.freeze(value);
}
