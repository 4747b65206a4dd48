/**
 * `npm run docs`: writes what is generated and committed: the schemas of the policy and of errors,
 * the reference page, and the state machines. With --check it writes nothing and fails when a file
 * is not current.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import * as z from "zod";
import { eventSchema } from "../src/alerts/event.ts";
import { errorDocumentSchema } from "../src/errors/error-schema.ts";
import { publishedSchema } from "../src/policy/json-schema.ts";
import { renderReference } from "../src/policy/reference-page.ts";
import { definitions } from "../statemachines/definitions/all.ts";
import { renderMachine } from "../statemachines/render.ts";

const root = resolve(import.meta.dirname, "..");

const generated: readonly { readonly path: string; readonly text: string }[] = [
  { path: "schema/holdfast.schema.json", text: `${JSON.stringify(publishedSchema(), null, 2)}\n` },
  { path: "schema/error.schema.json", text: `${JSON.stringify(z.toJSONSchema(errorDocumentSchema), null, 2)}\n` },
  { path: "schema/event.schema.json", text: `${JSON.stringify(z.toJSONSchema(eventSchema), null, 2)}\n` },
  { path: "docs/policy-reference.md", text: renderReference() },
  ...Object.entries(definitions).map(([name, definition]) => ({
    path: `statemachines/${name}.asl.yaml`,
    text: renderMachine(name, definition),
  })),
];

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(root, path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

for (const { path, text } of generated) {
  const current = (await read(path)) === text;
  if (process.argv.includes("--check")) {
    console.log(`${path} ${current ? "is current" : "is out of date: run `npm run docs`"}`);
    if (!current) process.exitCode = 1;
  } else if (!current) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}
