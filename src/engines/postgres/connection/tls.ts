/** libpq's TLS modes for the `pg` driver, so that the driver trusts exactly what pg_dump trusts. */
import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { ConnectionSettings } from "./connection.ts";

/** One way to try a connection: without TLS, or with these options. */
export type TlsAttempt = false | ConnectionOptions;

/**
 * The attempts that libpq would make, in its order: `allow` first without TLS and `prefer` first
 * with it; `require` verifies only when there is a root certificate; `verify-ca` the chain,
 * `verify-full` the host's name too.
 * Errors: SecretUnavailable when a certificate or key is missing.
 */
export async function tlsAttempts(settings: ConnectionSettings): Promise<readonly [TlsAttempt, ...TlsAttempt[]]> {
  if (settings.host.startsWith("/") || settings.sslmode === "disable") return [false];
  const encrypted = await tlsOptions(settings);
  if (settings.sslmode === "allow") return [false, encrypted];
  if (settings.sslmode === "prefer") return [encrypted, false];
  return [encrypted];
}

async function tlsOptions(settings: ConnectionSettings): Promise<ConnectionOptions> {
  const { sslrootcert, sslmode, variables } = settings;
  const strict = sslmode === "verify-ca" || sslmode === "verify-full";
  if (strict && sslrootcert === undefined) {
    throw new HoldfastError("SecretUnavailable", `sslmode ${sslmode} needs a root certificate to verify with`, {
      hint: "Add sslrootcert=FILE to the connection, or sslrootcert=system for the system's authorities.",
    });
  }
  const options: ConnectionOptions = { rejectUnauthorized: sslrootcert !== undefined };
  if (sslrootcert === "system") options.ca = await systemAuthorities();
  else if (sslrootcert !== undefined) options.ca = await readPem(sslrootcert, "root certificate");
  // libpq makes verify-full of sslrootcert=system: any authority's certificate for another host
  // would do otherwise.
  if (sslmode !== "verify-full" && sslrootcert !== "system") options.checkServerIdentity = () => undefined;
  if (settings.sslcert !== undefined) options.cert = await readPem(settings.sslcert, "client certificate");
  if (settings.sslkey !== undefined) options.key = await readPem(settings.sslkey, "client key");
  if (variables["PGSSLCRL"] !== undefined) options.crl = await readPem(variables["PGSSLCRL"], "revocation list");
  const minimum = protocolVersion(variables["PGSSLMINPROTOCOLVERSION"]);
  if (minimum !== undefined) options.minVersion = minimum;
  const maximum = protocolVersion(variables["PGSSLMAXPROTOCOLVERSION"]);
  if (maximum !== undefined) options.maxVersion = maximum;
  // With hostaddr the certificate is still the host's, not the address's.
  if (variables["PGHOSTADDR"] !== undefined) Object.assign(options, { host: settings.host, servername: settings.host });
  return options;
}

async function readPem(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new HoldfastError("SecretUnavailable", `cannot read the ${what} ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
      hint: "Correct the file's name in the connection, or make it readable for this user.",
    });
  }
}

async function systemAuthorities(): Promise<string[]> {
  const { getCACertificates, rootCertificates } = await import("node:tls");
  const system = getCACertificates("system");
  return system.length > 0 ? system : [...rootCertificates];
}

function protocolVersion(text: string | undefined): ConnectionOptions["minVersion"] {
  const versions = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
  return versions.find((version) => version.toLowerCase() === text?.toLowerCase());
}
