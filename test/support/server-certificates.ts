/**
 * Certificates for servers in tests: an authority, and a server's certificate for localhost that it
 * signed.
 */
import { chmod, chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { UnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import { runOk } from "./processes.ts";

export interface ServerCertificates {
  /** The authority's certificate: what sslrootcert names. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Makes both in `directory`, the server's key readable by its owner only. Needs the `openssl`
 * program.
 */
export async function makeCertificates(directory: string, owner: UnprivilegedUser | undefined): Promise<ServerCertificates> {
  const at = (name: string) => join(directory, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
  const authority = ["-x509", "-subj", "/CN=Holdfast test authority", "-keyout", at("ca.key"), "-out", at("ca.crt")];
  await runOk("openssl", ["req", ...curve, ...authority]);
  await runOk("openssl", ["req", ...curve, "-subj", "/CN=localhost", "-keyout", at("server.key"), "-out", at("server.csr")]);
  await writeFile(at("server.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signing = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "30", "-extfile", at("server.ext")];
  await runOk("openssl", ["x509", "-req", "-in", at("server.csr"), ...signing, "-out", at("server.crt")]);
  await chmod(at("server.key"), 0o600);
  if (owner !== undefined) for (const name of ["server.key", "server.crt"]) await chown(at(name), owner.uid, owner.gid);
  return { caFile: at("ca.crt"), certFile: at("server.crt"), keyFile: at("server.key") };
}
