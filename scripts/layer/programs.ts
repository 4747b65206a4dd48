/** PostgreSQL's programs of every major, as the layer has them: `/opt/pgsql-<major>`. */
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fetchForeignPostgres, postgresMajors } from "../postgres-binaries.ts";
import { readElf } from "./elf.ts";
import { movePath, zonePath } from "./moved-paths.ts";
import type { Processor } from "./processor.ts";

export const majors: readonly number[] = postgresMajors;

/** Servers, clients, and the tools of physical backups; what a major lacks is not there. */
const programs = [
  ...["initdb", "pg_ctl", "postgres", "pg_controldata", "pg_checksums", "pg_amcheck", "pg_waldump", "pg_walsummary"],
  ...["pg_dump", "pg_dumpall", "pg_restore", "psql", "pg_isready"],
  ...["pg_basebackup", "pg_combinebackup", "pg_receivewal", "pg_verifybackup"],
];
/** Needs a Python of its own version, which Lambda's Node runtime lacks. */
const needsPython = /plpython/;
/** The interface for programs in C, which nothing here is. */
const forDevelopers = /^(?:libecpg|libpgtypes|pkgconfig$|pgxs$)|\.a$/;

/** The programs that look for time zones. */
const readsZones = ["postgres", "initdb"];

/** Puts the programs of every major into the layer's root. Errors: a plain Error. */
export function addPrograms(processor: Processor, root: string, cache: string): void {
  for (const major of majors) {
    const from = fetchOnce(major, processor, cache);
    const to = join(root, `pgsql-${major}`);
    mkdirSync(join(to, "bin"), { recursive: true });
    for (const name of programs.filter((each) => existsSync(join(from, "bin", each)))) {
      cpSync(join(from, "bin", name), join(to, "bin", name), { dereference: true });
    }
    for (const name of readsZones) movePath(join(to, "bin", name), zonePath);
    copyLibraries(join(from, "lib"), join(to, "lib"));
    const filter = (path: string): boolean => !needsPython.test(path) && !path.endsWith("/share/doc");
    cpSync(join(from, "share"), join(to, "share"), { recursive: true, dereference: true, filter });
  }
}

function fetchOnce(major: number, processor: Processor, cache: string): string {
  const parent = join(cache, `programs-${processor}`);
  const directory = join(parent, String(major));
  mkdirSync(parent, { recursive: true });
  if (existsSync(directory)) return directory;
  const temporary = mkdtempSync(join(parent, ".fetch-"));
  try {
    cpSync(fetchForeignPostgres(major, processor, temporary), directory, { recursive: true, verbatimSymlinks: true });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}

/** Each shared library once, under the name by which it is loaded. */
function copyLibraries(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((each) => !needsPython.test(each) && !forDevelopers.test(each))) {
    const file = join(from, name);
    const soname = lstatSync(file).isDirectory() ? undefined : readElf(file)?.soname;
    if (soname === undefined || soname === name) cpSync(file, join(to, name), { recursive: true, dereference: true });
  }
}
