/**
 * Directories that are compiled into programs and libraries, and are elsewhere in Lambda. The new
 * path has the length of the old one, so that it can stand in for it.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** Time zones come with the layer (locale-data.ts): Lambda's `/usr` cannot be written to. */
export const zonePath = { from: "/usr/share/zoneinfo", to: "/opt/share/zoneinfo" };

/** PROJ's coordinate systems, for PostGIS. */
export const coordinatesPath = { from: "/usr/share/proj", to: "/opt/share/proj" };

/**
 * What `sslrootcert=system` reads: Debian's OpenSSL looks where Debian has the public authorities,
 * and Amazon Linux has them, and keeps them, in another directory.
 */
export const authorityPaths = [
  { from: "/usr/lib/ssl/cert.pem", to: "/etc/pki/tls/cert.pem" },
  { from: "/usr/lib/ssl/certs", to: "/etc/pki/tls/certs" },
];

/** Errors: a plain Error, when the file does not name the path as a whole string. */
export function movePath(file: string, { from, to }: { readonly from: string; readonly to: string }): void {
  const bytes = readFileSync(file);
  const [wanted, instead] = [from, to].map((path) => Buffer.from(`\0${path}\0`, "latin1")) as [Buffer, Buffer];
  let at = bytes.indexOf(wanted);
  if (at < 0 || wanted.length !== instead.length) throw new Error(`${file} does not name ${from}`);
  for (; at >= 0; at = bytes.indexOf(wanted, at)) instead.copy(bytes, at);
  writeFileSync(file, bytes);
}
