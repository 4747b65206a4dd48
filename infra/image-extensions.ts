/**
 * The extensions that the containers' image is built with, by the list in this clone
 * (image/extensions.list): the first that packaging asks where restore tests run in it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Deployment } from "./deployment.ts";

/** Of the clone, as the Dockerfile reads it. */
const list = join(import.meta.dirname, "image/extensions.list");

/**
 * Names as `CREATE EXTENSION` takes them. `text`: lines of names, SHA-256 and source; `-` names a
 * library, which is not an extension.
 */
export function listedExtensions(text: string): ReadonlySet<string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const names = lines.flatMap((line) => line.split(/\s+/, 1)[0]?.split(",") ?? []);
  return new Set(names.filter((name) => name !== "-"));
}

/**
 * A sentence for each extension that a source needs and the image's list lacks. An image may be of
 * another commit, or have been extended otherwise: so nothing is refused.
 */
export function warnOfImage(
  { policy: { sources }, image, layer }: Pick<Deployment, "policy" | "image" | "layer">,
  text = readFileSync(list, "utf8"),
): string[] {
  if (image === "") return [];
  const has = listedExtensions(text);
  const where = layer === undefined ? "Restore tests" : "Restore tests that run in Fargate";
  return Object.values(sources).flatMap(({ name, restoreTest: { extensions = [] } }) =>
    extensions
      .filter((each) => !has.has(each))
      .map(
        (each) =>
          `${name}: the image's list, infra/image/extensions.list, lacks the extension ${each}. ${where} end unproven unless the image has it otherwise; docs/deploy.md, "Extensions of the image", says how to add it.`,
      ),
  );
}
