/** The schema of a source of any engine. */
import * as z from "zod";
import type { EnginePolicies } from "./engine-policy.ts";
import { notAllowed, wrongType } from "./schema-terms.ts";
import type { WrittenSource } from "./written-source.ts";

/** A source of one of `engines`, told apart by `engine`. */
export function sourceOf(engines: EnginePolicies): z.ZodType<WrittenSource> {
  const names = engines.map(({ name }) => name);
  const [first, ...others] = engines;
  return z
    .discriminatedUnion("engine", [first.schema, ...others.map(({ schema }) => schema)], {
      error: (issue) =>
        issue.code === "invalid_union"
          ? notAllowed(engineOf(issue.input), names)
          : wrongType(issue.input, "a mapping that begins with engine:"),
    })
    .meta({ description: "One thing that is backed up." });
}

function engineOf(input: unknown): unknown {
  return typeof input === "object" && input !== null && "engine" in input ? input.engine : undefined;
}
