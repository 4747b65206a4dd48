/**
 * libpq's two forms of connection strings, URI and key=value, as the keywords they set. Never
 * quotes a value in an error.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";

/** libpq's keywords (`host`, `dbname`, `sslmode` …) and their values. */
export type ConnectionKeywords = Readonly<Record<string, string>>;

/** Query parameters that some clients add to their URIs and that mean nothing to libpq: ignored. */
const foreignParameters = new Set([
  "schema",
  "connection_limit",
  "pool_timeout",
  "pgbouncer",
  "socket_timeout",
  "statement_cache_size",
]);

function invalid(where: string, problem: string): HoldfastError {
  return new HoldfastError("SecretUnavailable", `the connection in ${where} ${problem}`, {
    hint: "Write it as postgresql://user:password@host:port/database, with special characters percent-encoded, or as key=value pairs.",
  });
}

/**
 * Reads a connection string. `where` names its origin for errors ("environment variable TASKS_DB").
 * Errors: SecretUnavailable when it is neither form, or names several hosts.
 */
export function parseConnectionString(text: string, where: string): ConnectionKeywords {
  const trimmed = text.trim();
  if (trimmed === "") throw invalid(where, "is empty");
  const uri = /^postgres(?:ql)?:\/\//i.exec(trimmed);
  return uri === null ? parseKeyValues(trimmed, where) : parseUri(trimmed.slice(uri[0].length), where);
}

function decode(part: string, what: string, where: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(where, `has an invalid percent-encoding in its ${what}`);
  }
}

function parseUri(rest: string, where: string): ConnectionKeywords {
  const keywords: Record<string, string> = {};
  const [main = "", ...queries] = rest.split("?");
  const slash = main.indexOf("/");
  const authority = slash === -1 ? main : main.slice(0, slash);
  const path = slash === -1 ? "" : main.slice(slash + 1);
  const at = authority.lastIndexOf("@");
  if (at !== -1) {
    const [user = "", ...password] = authority.slice(0, at).split(":");
    if (user !== "") keywords["user"] = decode(user, "user", where);
    if (password.length > 0) keywords["password"] = decode(password.join(":"), "password", where);
  }
  readHost(authority.slice(at + 1), keywords, where);
  if (path !== "") keywords["dbname"] = decode(path, "database", where);
  for (const parameter of queries.join("?").split("&")) {
    if (parameter !== "") readParameter(parameter, keywords, where);
  }
  return keywords;
}

function readHost(text: string, keywords: Record<string, string>, where: string): void {
  if (text.includes(",")) throw invalid(where, "names several hosts, of which Holdfast takes one");
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:]*))(?::(?<port>\d*))?$/.exec(text);
  if (match === null) throw invalid(where, "has a host and port that cannot be read");
  const host = match.groups?.["v6"] ?? match.groups?.["host"] ?? "";
  if (host !== "") keywords["host"] = decode(host, "host", where);
  const port = match.groups?.["port"] ?? "";
  if (port !== "") keywords["port"] = port;
}

function readParameter(parameter: string, keywords: Record<string, string>, where: string): void {
  const equals = parameter.indexOf("=");
  if (equals === -1) throw invalid(where, "has a query parameter without a value");
  const name = decode(parameter.slice(0, equals), "parameters", where);
  const value = decode(parameter.slice(equals + 1), "parameters", where);
  if (foreignParameters.has(name)) return;
  // As libpq does for the sake of JDBC's URIs.
  if (name === "ssl" && value === "true") keywords["sslmode"] = "require";
  else keywords[name] = value;
}

function parseKeyValues(text: string, where: string): ConnectionKeywords {
  const keywords: Record<string, string> = {};
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)*))(?=\s|$)/gsy;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null) throw invalid(where, "is neither a postgresql:// URI nor made of key=value pairs");
    const value = (match[2] ?? match[3] ?? "").replaceAll(/\\(.)/gs, "$1");
    keywords[match[1] as string] = value;
  }
  return keywords;
}
