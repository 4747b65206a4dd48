/**
 * Extensions beyond PostgreSQL's own: of Debian's and PGDG's packages, or of a tree in which
 * somebody installed one, put into the programs of the major they are made for.
 */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DebianArchive, DebianPackage } from "./debian-archive.ts";
import { copyExtension } from "./extension-files.ts";
import { librariesNeeded, offeredLibraries } from "./libraries.ts";
import { majors } from "./programs.ts";

/** What is asked for: from packages for every major that has one, or from a tree for one major. */
export interface ExtensionRequest {
  readonly name: string;
  readonly tree?: { readonly major: number; readonly directory: string };
}

/** Packages are named `postgresql-<major>-…`; most after the extension, and these otherwise. */
const packageNames: Readonly<Record<string, string>> = {
  vector: "pgvector",
  postgis: "postgis-3",
  postgis_raster: "postgis-3",
  postgis_sfcgal: "postgis-3",
  postgis_topology: "postgis-3",
  postgis_tiger_geocoder: "postgis-3",
  address_standardizer: "postgis-3",
  hypopg: "hypopg",
  pg_cron: "cron",
  pg_partman: "partman",
};

/** Where PROJ looks for its database of coordinate systems; below the layer's root `share/proj`. */
const projDirectory = "usr/share/proj";

export interface AddedExtensions {
  /** Major -> names. */
  readonly byMajor: Readonly<Record<string, readonly string[]>>;
  readonly packages: readonly DebianPackage[];
  /** Packages of the libraries that their modules load. */
  readonly libraries: readonly string[];
  /** Packages of data that these read. */
  readonly data: readonly string[];
}

/**
 * Adds each extension to every major for which apt knows a package, and says for which it does not.
 * Errors: a plain Error, for an extension that no major has.
 */
export function addExtensions(
  root: string,
  archive: Pick<DebianArchive, "has" | "closureOf" | "dependenciesOf" | "unpack">,
  requests: readonly ExtensionRequest[],
  note: (line: string) => void,
): AddedExtensions {
  const byMajor: Record<string, string[]> = {};
  const packages = new Map<string, DebianPackage>();
  const keep = (major: number, names: readonly string[]): void => {
    byMajor[major] = [...new Set([...(byMajor[major] ?? []), ...names])].toSorted();
  };
  for (const { name, tree } of requests.filter(({ tree: given }) => given !== undefined)) {
    const { major, directory } = tree as NonNullable<ExtensionRequest["tree"]>;
    const copied = copyExtension(name, [directory], join(root, `pgsql-${major}`));
    if (copied === undefined) throw new Error(`extension ${name}: ${directory} has no ${name}.control in it`);
    note(`extension ${name} for PostgreSQL ${major}, from ${directory}`);
    keep(major, copied);
  }
  for (const { name } of requests.filter(({ tree }) => tree === undefined)) {
    const packageOf = (major: number): string => `postgresql-${major}-${packageNames[name] ?? name.replaceAll("_", "-")}`;
    const having = majors.filter((major) => archive.has(packageOf(major)));
    noteMajors(name, having, packageOf, note);
    for (const major of having) {
      const wanted = archive.closureOf([packageOf(major)]).filter((each) => each.startsWith(`postgresql-${major}-`));
      const unpacked = archive.unpack(wanted);
      const trees = unpacked.map((each) => each.root);
      const copied = copyExtension(name, trees, join(root, `pgsql-${major}`));
      if (copied === undefined) throw new Error(`extension ${name}: ${packageOf(major)} has no ${name}.control in it`);
      for (const each of unpacked) packages.set(each.name, each);
      keep(major, copied);
    }
  }
  const all = [...packages.values()];
  const libraries = all.length === 0 ? [] : loadedLibraries(root, archive, all);
  const data = libraries.length === 0 ? [] : archive.closureOf(libraries).filter((name) => name === "proj-data");
  return { byMajor, packages: all, libraries, data };
}

/**
 * Of what the packages depend on, what a module of the layer loads. PostGIS's package has further
 * modules, whose libraries need ten times as much as it does.
 */
function loadedLibraries(
  root: string,
  archive: Pick<DebianArchive, "dependenciesOf" | "unpack">,
  packages: readonly DebianPackage[],
): string[] {
  const direct = archive.dependenciesOf(packages.map(({ name }) => name)).filter((name) => name.startsWith("lib"));
  const needed = librariesNeeded(root);
  return archive
    .unpack(direct)
    .filter((each) => [...offeredLibraries([each.root]).keys()].some((name) => needed.has(name)))
    .map(({ name }) => name);
}

function noteMajors(
  name: string,
  having: readonly number[],
  packageOf: (major: number) => string,
  note: (line: string) => void,
): void {
  const lacking = majors.filter((major) => !having.includes(major));
  const hint = `apt knows no package for PostgreSQL ${lacking.join(", ")}, such as ${packageOf(lacking[0] ?? 0)}: add PostgreSQL's own archive (apt.postgresql.org) to this machine for those, or give a tree in which it is installed: --extension ${name}@${lacking[0]}=DIRECTORY`;
  if (having.length === 0) throw new Error(`extension ${name}: ${hint}`);
  note(`extension ${name} for PostgreSQL ${having.join(", ")}${lacking.length === 0 ? "" : `; ${hint}`}`);
}

/** The databases of PROJ, for the libraries of PostGIS. Nothing where no package has them. */
export function addCoordinateSystems(packages: readonly string[], root: string): boolean {
  const found = packages.map((each) => join(each, projDirectory)).find((directory) => existsSync(directory));
  if (found === undefined) return false;
  mkdirSync(join(root, "share"), { recursive: true });
  cpSync(found, join(root, "share/proj"), { recursive: true, dereference: true });
  return true;
}
