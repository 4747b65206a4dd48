/**
 * `npm run comments`: wraps every comment that is wider than 100 columns. With --check it writes
 * nothing and fails when there is one. A file is written only if its code stays the same: esbuild
 * makes the same program of both. /
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { projectDirectory } from "./cache-directory.ts";
import { wrapComments } from "./wrap-comments.ts";

const folders = "{bench,demo,functions,infra,scripts,src,statemachines,test}";
const check = process.argv.includes("--check");

/** Without comments, and with everything else that counts. */
function programOf(text: string): string {
  return transformSync(text, { loader: "ts", minifyWhitespace: true, legalComments: "none" }).code;
}

for (const path of globSync(`${folders}/**/*.{ts,js,mjs}`, { cwd: projectDirectory }).toSorted()) {
  const file = join(projectDirectory, path);
  const text = readFileSync(file, "utf8");
  const wrapped = wrapComments(text);
  if (wrapped === text) continue;
  if (check) {
    const line = text.split("\n").findIndex((each, index) => each !== wrapped.split("\n")[index]) + 1;
    console.log(`${path}:${line}: a comment wider than 100 columns: run \`npm run comments\``);
    process.exitCode = 1;
  } else if (programOf(text) === programOf(wrapped)) {
    writeFileSync(file, wrapped);
    console.log(`wrapped ${path}`);
  } else {
    console.log(`${path}: wrapping would change more than comments; left as it is`);
    process.exitCode = 1;
  }
}
