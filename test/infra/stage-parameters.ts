import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "../../scripts/cache-directory.ts";

/** The text of serverless.yml with parameters of a stage's own, in place of those that it has. */
export function withStageParameters(stage: string, parameters: Readonly<Record<string, string>>): string {
  const text = readFileSync(join(projectDirectory, "serverless.yml"), "utf8");
  const section = new RegExp(`^  ${stage}:\\n(?: {4}.*\\n)*`, "m");
  const lines = Object.entries(parameters).map(([name, value]) => `    ${name}: ${JSON.stringify(value)}\n`);
  if (!section.test(text)) throw new Error(`serverless.yml has no parameters of the stage ${stage}`);
  return text.replace(section, `  ${stage}:\n${lines.join("")}`);
}
