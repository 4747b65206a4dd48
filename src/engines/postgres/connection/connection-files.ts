/** The files libpq finds connections and passwords in: pg_service.conf and .pgpass. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { Secret } from "../../../runtime/secret.ts";
import type { ConnectionKeywords } from "./connection-string.ts";

export interface ConnectionEnvironment {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Where distributions let libpq look for the system's pg_service.conf when PGSYSCONFDIR is not set.
 */
const systemServiceDirectories = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"];

/**
 * The text of a file, or undefined when there is none. Errors: SecretUnavailable when it cannot be
 * read.
 */
export async function readIfPresent(path: string, what: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new HoldfastError("SecretUnavailable", `cannot read ${what} ${path}: ${code}`, { cause: error });
  }
}

/**
 * The keywords of a service, from the first file that has it, in libpq's order: PGSERVICEFILE or
 * ~/.pg_service.conf, then the system's. Errors: SecretUnavailable when no file has it.
 */
export async function readService(name: string, { environment }: ConnectionEnvironment): Promise<ConnectionKeywords> {
  const home = environment["HOME"];
  const own = environment["PGSERVICEFILE"] ?? (home === undefined ? undefined : join(home, ".pg_service.conf"));
  const systemDirectories = environment["PGSYSCONFDIR"] === undefined ? systemServiceDirectories : [environment["PGSYSCONFDIR"]];
  const files = [...(own === undefined ? [] : [own]), ...systemDirectories.map((directory) => join(directory, "pg_service.conf"))];
  for (const file of files) {
    const text = await readIfPresent(file, "the service file");
    const service = text === undefined ? undefined : findService(text, name, file);
    if (service !== undefined) return service;
  }
  throw new HoldfastError("SecretUnavailable", `service "${name}" is in none of ${files.join(", ")}`, {
    hint: `Add a section [${name}] to ${files[0]}, or set PGSERVICEFILE.`,
  });
}

function findService(text: string, name: string, file: string): ConnectionKeywords | undefined {
  let found: Record<string, string> | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[")) {
      if (found !== undefined) return found;
      if (line === `[${name}]`) found = {};
      continue;
    }
    if (found === undefined) continue;
    const equals = line.indexOf("=");
    if (equals === -1) {
      throw new HoldfastError("SecretUnavailable", `line ${index + 1} of ${file} is not a key=value pair`, {
        hint: "Write one key=value pair a line; services in LDAP are not supported.",
      });
    }
    found[line.slice(0, equals)] = line.slice(equals + 1);
  }
  return found;
}

export interface PasswordQuery {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password that a .pgpass file has for a connection; undefined when there is none. As libpq
 * does, a file that others may read is not used.
 */
export async function readPassfile(path: string, query: PasswordQuery): Promise<Secret | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined || !about.isFile() || (about.mode & 0o077) !== 0) return undefined;
  const text = await readIfPresent(path, "the password file");
  // A socket's directory is called localhost there.
  const wanted = [query.host.startsWith("/") ? "localhost" : query.host, String(query.port), query.database, query.user];
  for (const line of (text ?? "").split(/\r?\n/)) {
    if (line === "" || line.startsWith("#")) continue;
    const fields = splitFields(line);
    if (fields.length < 5) continue;
    const socketMatches = query.host.startsWith("/") && fields[0] === query.host;
    if (wanted.every((value, at) => fields[at] === "*" || fields[at] === value || (at === 0 && socketMatches))) {
      return new Secret(fields[4] as string);
    }
  }
  return undefined;
}

/**
 * Colon-separated, with `\:` and `\\` escaped; the password takes the rest of the line, colons
 * included.
 */
function splitFields(line: string): string[] {
  const fields: string[] = [];
  let field = "";
  for (let at = 0; at < line.length; at++) {
    const character = line[at] as string;
    if (character === "\\" && at + 1 < line.length) {
      at += 1;
      field += line[at];
    } else if (character === ":" && fields.length < 4) {
      fields.push(field);
      field = "";
    } else field += character;
  }
  return [...fields, field];
}
