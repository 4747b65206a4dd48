/** Turns zod's issues into problems: one a key, with the form of a value that the user chose. */
import type * as z from "zod";
import type { PolicyPath, Problem } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/**
 * The problems behind zod's issues. Messages come from the schema's own words (schema-terms.ts).
 */
export function explainIssues(issues: readonly Issue[], above: PolicyPath = []): Problem[] {
  // A typo in a key also breaks rules about the mapping around it ("needs one of ..."): the typo
  // alone is to be fixed.
  const typos = issues.filter((issue) => issue.code === "unrecognized_keys");
  return issues
    .filter((issue) => issue.code !== "custom" || !typos.some((typo) => isWithin(typo.path, issue.path)))
    .flatMap((issue) => explainIssue(issue, [...above, ...(issue.path as PolicyPath)]));
}

function isWithin(path: readonly PropertyKey[], outer: readonly PropertyKey[]): boolean {
  return outer.every((part, index) => path[index] === part);
}

function explainIssue(issue: Issue, path: PolicyPath): Problem[] {
  switch (issue.code) {
    case "unrecognized_keys": {
      const messages = issue.message.split("\n");
      return issue.keys.map((key, index) => ({ path: [...path, key], message: messages[index] ?? "unknown key", anchor: "key" }));
    }
    case "invalid_key":
      return [{ path, message: issue.message, anchor: "key" }];
    case "invalid_union": {
      const chosen = chosenForm(issue.errors);
      if (chosen !== undefined) return explainIssues(chosen, path);
      return [{ path, message: issue.message, anchor: "value" }];
    }
    default:
      return [{ path, message: issue.message, anchor: "value" }];
  }
}

/**
 * The issues of the form whose type fits the value: forms of one union differ in type (text,
 * mapping, list).
 */
function chosenForm(forms: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return forms.find((issues) => issues.length > 0 && !issues.some(isWrongType));
}

function isWrongType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_type") return true;
  return issue.code === "invalid_union" && issue.errors.length > 0 && chosenForm(issue.errors) === undefined;
}
