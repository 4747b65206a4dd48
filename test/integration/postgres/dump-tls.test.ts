import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { runOk } from "../../support/processes.ts";
import { dumpTo, makeContext, makeSource } from "./dump-context.ts";

let server: PostgresServer;
let directory: string;
let otherAuthority: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-tls-"));
  const hbaLines = [
    "hostnossl all only_tls 127.0.0.1/32 reject",
    "hostssl all only_plain 127.0.0.1/32 reject",
    "hostssl all by_certificate 127.0.0.1/32 cert",
  ];
  server = await startPostgres({ major: 17, tls: true, hbaLines });
  await server.sql(`CREATE ROLE only_tls LOGIN PASSWORD 'pw'; CREATE ROLE only_plain LOGIN PASSWORD 'pw'; CREATE ROLE by_certificate LOGIN;
    CREATE TABLE t (a int); GRANT pg_read_all_data TO only_tls, only_plain, by_certificate;`);
  otherAuthority = join(directory, "other.crt");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
  await runOk("openssl", [
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=other",
    "-keyout",
    join(directory, "other.key"),
    "-out",
    otherAuthority,
  ]);
}, 60_000);
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

async function attempt(user: string, parameters: string, host = "127.0.0.1"): Promise<string> {
  const url = `postgresql://${user}:pw@${host}:${server.port}/postgres?${parameters}`;
  return dumpTo(directory, makeSource(), makeContext([server.binDir], { SHOP_DB: url })).then(
    () => "dumped",
    (error: Error) => error.name,
  );
}

describe("TLS modes", () => {
  it.each([
    ["disable", "only_plain", "dumped"],
    ["disable", "only_tls", "SourceAccessDenied"],
    ["allow", "only_tls", "dumped"],
    ["allow", "only_plain", "dumped"],
    ["prefer", "only_plain", "dumped"],
    ["prefer", "only_tls", "dumped"],
    ["require", "only_tls", "dumped"],
    ["require", "only_plain", "SourceAccessDenied"],
  ])("%s as %s: %s", async (mode, user, outcome) => {
    expect(await attempt(user, `sslmode=${mode}`)).toBe(outcome);
  });

  it("verify-ca wants the authority, not the name; verify-full both", async () => {
    const authority = encodeURIComponent(server.certificates?.caFile as string);
    const other = encodeURIComponent(otherAuthority);
    expect(await attempt("only_tls", `sslmode=verify-full&sslrootcert=${authority}`)).toBe("dumped");
    expect(await attempt("only_tls", `sslmode=verify-full&sslrootcert=${authority}`, "localhost")).toBe("dumped");
    expect(await attempt("only_tls", `sslmode=verify-ca&sslrootcert=${authority}`)).toBe("dumped");
    expect(await attempt("only_tls", `sslmode=verify-ca&sslrootcert=${other}`)).toBe("SourceAccessDenied");
    expect(await attempt("only_tls", `sslmode=verify-full&sslrootcert=${other}`)).toBe("SourceAccessDenied");
    expect(await attempt("only_tls", `sslmode=require&sslrootcert=${other}`)).toBe("SourceAccessDenied");
    // 127.0.0.2 reaches the same server, whose certificate is not for it.
    expect(await attempt("only_tls", `sslmode=verify-full&sslrootcert=${authority}&hostaddr=127.0.0.1`, "elsewhere.example")).toBe(
      "SourceAccessDenied",
    );
    expect(await attempt("only_tls", `sslmode=verify-ca&sslrootcert=${authority}&hostaddr=127.0.0.1`, "elsewhere.example")).toBe(
      "dumped",
    );
  });

  it("refuses to verify without an authority, or with one that is missing", async () => {
    expect(await attempt("only_tls", "sslmode=verify-full")).toBe("SecretUnavailable");
    expect(await attempt("only_tls", "sslmode=verify-full&sslrootcert=/nonexistent.crt")).toBe("SecretUnavailable");
    expect(await attempt("only_tls", "sslmode=verify-full&sslrootcert=system")).toBe("SourceAccessDenied");
  });

  it("logs in with a client certificate", async () => {
    const ca = server.certificates?.caFile as string;
    const [key, request, certificate] = ["client.key", "client.csr", "client.crt"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await runOk("openssl", [
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      "/CN=by_certificate",
      "-keyout",
      key,
      "-out",
      request,
    ]);
    await runOk("openssl", [
      "x509",
      "-req",
      "-in",
      request,
      "-CA",
      ca,
      "-CAkey",
      ca.replace(/crt$/, "key"),
      "-CAcreateserial",
      "-days",
      "3",
      "-out",
      certificate,
    ]);
    await chmod(key, 0o600);
    await writeFile(join(server.dataDir, "postgresql.auto.conf"), `ssl_ca_file = '${ca}'\n`);
    await server.sql("SELECT pg_reload_conf()");
    const files = `sslcert=${encodeURIComponent(certificate)}&sslkey=${encodeURIComponent(key)}`;
    expect(await attempt("by_certificate", `sslmode=require&${files}`)).toBe("dumped");
    expect(await attempt("by_certificate", "sslmode=require")).toBe("SourceAccessDenied");
  });

  it("works over a Unix socket, whatever the mode", async () => {
    const url = `postgresql://postgres:${encodeURIComponent(server.password)}@${encodeURIComponent(server.socketDir)}:${server.port}/postgres?sslmode=verify-full`;
    const dump = await dumpTo(directory, makeSource(), makeContext([server.binDir], { SHOP_DB: url }));
    expect(dump.facts.databaseName).toBe("postgres");
  });
});
