/**
 * The files of one extension, out of a tree in which somebody installed it: its control file, the
 * script that installs it, and the modules these name. A package has more: scripts that update from
 * every earlier version, further extensions, bitcode.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { askForOlderSymbols } from "./older-symbols.ts";

/** Packages of PostGIS keep several majors of it side by side: `postgis-3.control`. */
const controlName = (name: string): RegExp => new RegExp(`^${name}(?:-\\d+)?\\.control$`);

/** What `CREATE EXTENSION` says of a module, in control files and scripts. */
const moduleNames = /\$libdir\/([A-Za-z0-9_.+-]+)/g;

/**
 * Copies the extension, and those of the same tree that it requires, into a major's directory of
 * the layer: `lib` and `share/extension`. Gives the names; undefined: the tree has no such
 * extension. Errors: a plain Error, when a file that it needs is missing.
 */
export function copyExtension(name: string, trees: readonly string[], to: string): string[] | undefined {
  const files = trees.flatMap(filesOf);
  const control = files.find((file) => controlName(name).test(basename(file)));
  if (control === undefined) return undefined;
  const text = readFileSync(control, "utf8");
  const scripts = scriptsOf(name, text, dirname(control));
  if (scripts.length === 0) throw new Error(`extension ${name}: ${control} has no script that installs it`);
  const directory = join(to, "share/extension");
  mkdirSync(directory, { recursive: true });
  copyFileSync(control, join(directory, `${name}.control`));
  for (const script of scripts) copyFileSync(script, join(directory, basename(script)));
  for (const module of modulesOf([text, ...scripts.map((script) => readFileSync(script, "utf8"))])) {
    copyModule(name, module, files, join(to, "lib"));
  }
  copyDictionaries(files, join(to, "share/tsearch_data"));
  const required = /^\s*requires\s*=\s*'?([^'#\n]*)/m.exec(text)?.[1] ?? "";
  const others = required.split(",").map((each) => each.trim());
  return [name, ...others.filter((each) => each !== "").flatMap((each) => copyExtension(each, trees, to) ?? [])];
}

/** Every file below a tree, links followed to files: some distributions link scripts. */
function filesOf(tree: string): string[] {
  return readdirSync(tree, { recursive: true, encoding: "utf8" })
    .map((each) => join(tree, each))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/**
 * The script of the default version; where there is none, all of them: PostgreSQL then installs an
 * older version and updates it.
 */
function scriptsOf(name: string, control: string, directory: string): string[] {
  const version = /^\s*default_version\s*=\s*'?([^'\s#]+)/m.exec(control)?.[1];
  const all = readdirSync(directory).filter((each) => each.startsWith(`${name}--`) && each.endsWith(".sql"));
  const direct = all.filter((each) => each === `${name}--${version}.sql`);
  return (direct.length > 0 ? direct : all).map((each) => join(directory, each));
}

const modulesOf = (texts: readonly string[]): string[] => [
  ...new Set(texts.flatMap((text) => [...text.matchAll(moduleNames)].map(([, module = ""]) => module.replace(/\.so$/, "")))),
];

function copyModule(name: string, module: string, files: readonly string[], directory: string): void {
  const found = files.find((file) => basename(file) === `${module}.so`);
  if (found === undefined) throw new Error(`extension ${name} needs the module ${module}.so, which is not beside it`);
  mkdirSync(directory, { recursive: true });
  const copy = join(directory, `${module}.so`);
  copyFileSync(realpathSync(found), copy);
  askForOlderSymbols(copy);
}

/** Dictionaries and their rules, as `create text search dictionary` names them. */
function copyDictionaries(files: readonly string[], directory: string): void {
  for (const file of files.filter((each) => basename(dirname(each)) === "tsearch_data")) {
    mkdirSync(directory, { recursive: true });
    copyFileSync(file, join(directory, basename(file)));
  }
}
