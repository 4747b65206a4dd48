/**
 * Extensions beyond PostgreSQL's own: Debian's and PGDG's packages of them, put into the programs
 * of the major they are made for.
 */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { DebianArchive, DebianPackage } from "./debian-archive.ts";
import { majors } from "./programs.ts";

/** Packages are named `postgresql-<major>-…`; most after the extension, and these otherwise. */
const packageNames: Readonly<Record<string, string>> = {
  vector: "pgvector",
  postgis: "postgis-3",
  postgis_raster: "postgis-3",
  postgis_topology: "postgis-3",
  hypopg: "hypopg",
  pg_cron: "cron",
  pg_partman: "partman",
};

export interface AddedExtensions {
  /** Major -> names. */
  readonly byMajor: Readonly<Record<string, readonly string[]>>;
  readonly packages: readonly DebianPackage[];
}

/**
 * Adds each extension to every major for which apt knows a package, and says for which it does not.
 * Errors: a plain Error, for an extension that no major has.
 */
export function addExtensions(
  root: string,
  archive: DebianArchive,
  names: readonly string[],
  note: (line: string) => void,
): AddedExtensions {
  const byMajor: Record<string, string[]> = {};
  const packages: DebianPackage[] = [];
  for (const name of names) {
    const packageOf = (major: number): string => `postgresql-${major}-${packageNames[name] ?? name.replaceAll("_", "-")}`;
    const having = majors.filter((major) => archive.has(packageOf(major)));
    const lacking = majors.filter((major) => !having.includes(major));
    const hint = `apt knows no package for PostgreSQL ${lacking.join(", ")}, such as ${packageOf(lacking[0] ?? 0)}: add PostgreSQL's own archive (apt.postgresql.org) to this machine for those`;
    if (having.length === 0) throw new Error(`extension ${name}: ${hint}`);
    note(`extension ${name} for PostgreSQL ${having.join(", ")}${lacking.length === 0 ? "" : `; ${hint}`}`);
    for (const major of having) {
      const wanted = archive.closureOf([packageOf(major)]).filter((each) => each.startsWith(`postgresql-${major}-`));
      for (const each of archive.unpack(wanted)) {
        copyExtension(each.root, join(root, `pgsql-${major}`), major);
        if (!packages.some((known) => known.name === each.name)) packages.push(each);
      }
      byMajor[major] = [...(byMajor[major] ?? []), name];
    }
  }
  return { byMajor, packages };
}

/**
 * Debian's directories of a major into the layer's; bitcode for the compiler of queries is left
 * out.
 */
function copyExtension(from: string, to: string, major: number): void {
  const share = join(from, `usr/share/postgresql/${major}`);
  const library = join(from, `usr/lib/postgresql/${major}/lib`);
  if (existsSync(share)) cpSync(share, join(to, "share"), { recursive: true, dereference: true });
  const filter = (path: string): boolean => !path.includes("/bitcode");
  if (existsSync(library)) cpSync(library, join(to, "lib"), { recursive: true, dereference: true, filter });
}
