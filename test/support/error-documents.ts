/**
 * Errors in JSON, as the published schema has them: a test that reads a document finds each of
 * them, and whether it is valid.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { catalogue } from "../../src/errors/catalogue.ts";
import type { ErrorDocument } from "../../src/errors/error-schema.ts";

const schemaFile = join(import.meta.dirname, "..", "..", "schema", "error.schema.json");
const validate = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(schemaFile, "utf8")));

/** The members that hold an error, wherever they are in a document. */
const errorMembers: readonly string[] = ["error", "pruneRefusal", "unrecorded", "why"];

/**
 * All errors of a document, in its order. Throws an Error that names the first that is not as
 * schema/error.schema.json says.
 */
export function errorsIn(document: unknown, path = ""): ErrorDocument[] {
  if (typeof document !== "object" || document === null) return [];
  return Object.entries(document).flatMap(([name, value]) => {
    const here = `${path}/${name}`;
    return errorMembers.includes(name) ? [requireErrorDocument(value, here), ...errorsIn(value, here)] : errorsIn(value, here);
  });
}

/** The value as an error. Throws an Error that says what is wrong with it. */
export function requireErrorDocument(value: unknown, path = ""): ErrorDocument {
  const fault = (what: string) => new Error(`${path} is not an error as it is published: ${what}: ${JSON.stringify(value)}`);
  if (!validate(value)) throw fault(JSON.stringify(validate.errors));
  const error = value as ErrorDocument;
  if (!Object.hasOwn(catalogue, error.class)) return error;
  const { code, exitCode, retryable } = catalogue[error.class as keyof typeof catalogue];
  if (error.code !== code || error.exitCode !== exitCode || error.retryable !== retryable) throw fault("not as in the catalogue");
  return error;
}
