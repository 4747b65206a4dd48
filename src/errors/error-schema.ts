/**
 * The published form of an error in JSON: schema/error.schema.json and docs/json-output.md describe
 * it.
 */
import * as z from "zod";
import { exitCodes } from "./exit-codes.ts";

const { done: _done, ...badCodes } = exitCodes;

/** Grows when a member changes its meaning or goes away; a new member does not count. */
export const errorDocumentVersion = 1;

export const errorDocumentSchema = z
  .strictObject({
    version: z.literal(errorDocumentVersion).meta({ description: "The version of this form." }),
    class: z.string().min(1).meta({
      description:
        "What kind of error it is: a class of Holdfast (src/errors/catalogue.ts), a name of AWS (States.Timeout), or what a check found (damaged).",
    }),
    message: z.string().meta({ description: "What went wrong, and where." }),
    hint: z.string().meta({ description: "What to do next, one sentence." }),
    details: z.array(z.string()).meta({ description: "Further facts, one each: the tool's own output, every problem found." }),
    code: z
      .string()
      .regex(/^HF\d+$/)
      .exactOptional()
      .meta({ description: "The number of Holdfast's class; it never changes. Absent for other classes, like the two below." }),
    exitCode: z
      .literal(Object.values(badCodes))
      .exactOptional()
      .meta({ description: "The exit code of a command that ends with this error alone." }),
    retryable: z
      .boolean()
      .exactOptional()
      .meta({ description: "Whether the same operation may succeed when it is simply run again." }),
  })
  .meta({ title: "An error of Holdfast", description: "docs/json-output.md says where it stands." });

export type ErrorDocument = z.output<typeof errorDocumentSchema>;

const readable = errorDocumentSchema.loose();

/**
 * The error that `value` is; members of later versions of Holdfast are ignored. Undefined: it is
 * none.
 */
export function readErrorDocument(value: unknown): ErrorDocument | undefined {
  const parsed = readable.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
