/**
 * IAM authentication of RDS, the whole chain: a policy without any secret, tokens that are signed
 * for each connection, and a server that checks them before it lets anyone in.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProject, type Project } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { type RdsServer, startRdsServer } from "../../support/rds-server.ts";

const region = "eu-central-1";
const secretOf = (accessKeyId: string): string | undefined =>
  /^ASIATEST\d+$/.test(accessKeyId) ? `secret-of-${accessKeyId}` : undefined;
let directory: string;
let server: PostgresServer;
let rds: RdsServer;
let project: Project;

/**
 * Credentials that end within minutes, which the SDK therefore asks for each time: every signature
 * has a key of its own, by which the connections are told apart.
 */
const credentials = `#!/bin/sh
n=$(mktemp "$1/key-XXXXXXXX") && i=$(ls "$1" | wc -l)
printf '{"Version":1,"AccessKeyId":"ASIATEST%s%s","SecretAccessKey":"secret-of-ASIATEST%s%s","SessionToken":"a+session/token=","Expiration":"%s"}' "$i" "$$" "$i" "$$" "$(date -u -d '+60 seconds' +%Y-%m-%dT%H:%M:%SZ)"
`;

const source = (more = "", { user = "holdfast", host = "localhost" } = {}): string =>
  `  shop:\n    engine: postgres\n    connection: { rds: { host: ${host}, port: ${rds.port}, user: ${user}, database: shop, region: ${region}, sslrootcert: ${server.certificates?.caFile}${more} } }\n    retention: { daily: 7 }\n`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "hf-rds-"));
  server = await startPostgres({ major: 17, tls: true, hbaLines: ["host all holdfast 127.0.0.1/32 trust"] });
  await server.sql("create role holdfast login createdb in role pg_read_all_data; create database shop");
  await server.sql("create table orders as select n as id, 'order ' || n as note from generate_series(1, 500) n", "shop");
  if (server.certificates === undefined) throw new Error("the server has no certificate");
  rds = await startRdsServer({ serverPort: server.port, certificates: server.certificates, region, secretOf });
  writeFileSync(join(directory, "credentials.sh"), credentials);
  chmodSync(join(directory, "credentials.sh"), 0o755);
  const keys = mkdtempSync(join(directory, "keys-"));
  writeFileSync(join(directory, "config"), `[default]\ncredential_process = ${join(directory, "credentials.sh")} ${keys}\n`);
  const aws = {
    AWS_CONFIG_FILE: join(directory, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, "none"),
    AWS_PROFILE: "default",
  };
  const none = {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_SESSION_TOKEN: undefined,
    PGPASSWORD: undefined,
  };
  project = await createProject({ sources: source(), majors: [17], env: { ...aws, ...none } });
});

afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await rds?.[Symbol.asyncDispose]();
  await server?.remove();
  rmSync(directory, { recursive: true, force: true });
});

/** Every file that the project has, as text. */
function everythingWritten(): string {
  return readdirSync(project.directory, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

describe("a source whose logins are signed", () => {
  it("is checked, backed up, proven and restored with a token of its own for each connection", async () => {
    const check = await project.holdfast(["check"]);
    expect(check.code, check.stdout).toBe(0);
    const backup = await project.holdfast(["backup", "shop"]);
    expect(backup.code, backup.stdout).toBe(0);
    const proof = await project.holdfast(["restore-test", "shop"]);
    expect(proof.code, proof.stdout).toBe(0);
    const restored = await project.holdfast(["restore", "shop@latest", "--to", "shop_again"]);
    expect(restored.code, restored.stdout).toBe(0);
    expect(await server.sql("select count(*) from orders", "shop_again")).toBe("500");

    expect(rds.refusals).toEqual([]);
    // The driver's sessions, pg_dump, pg_dumpall, psql, several of pg_restore; three commands
    // connect, and with one token a command there would be three keys. The connections of one
    // program share its own.
    const keys = new Set(rds.logins.map(({ accessKeyId }) => accessKeyId));
    expect(rds.logins.length).toBeGreaterThan(keys.size);
    expect(keys.size).toBeGreaterThanOrEqual(8);
    expect(rds.logins.every(({ sessionToken }) => sessionToken === "a+session/token=")).toBe(true);

    const said = [check, backup, proof, restored].map(({ stdout, stderr }) => stdout + stderr).join("\n");
    for (const text of [said, everythingWritten()]) expect(text).not.toMatch(/X-Amz-|ASIATEST|session%2Ftoken/);
  });

  it("is refused, without the token in the message, when the server does not take it", async () => {
    await project.writePolicy(source(", region: us-east-1").replace(`region: ${region}, `, ""));
    const refused = await project.say(["backup", "shop"]);
    expect(refused.code).toBe(1);
    expect(rds.refusals.at(-1)).toBe("the token is for another service");
    expect(refused.stdout + refused.stderr).not.toMatch(/X-Amz-|ASIATEST/);
    expect(refused.stderr).toMatch(/PAM authentication failed/);
  });

  it("connects to nobody whose certificate is not the server's", async () => {
    const before = rds.logins.length;
    await project.writePolicy(source("", { host: "127.0.0.2" }));
    const refused = await project.say(["backup", "shop"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/does not match certificate's altnames|127\.0\.0\.2/);
    expect(rds.logins.length).toBe(before);
  });

  it("says what is missing where the machine has no AWS credentials", async () => {
    await project.writePolicy(source());
    const refused = await project.say(["backup", "shop"], {
      AWS_CONFIG_FILE: join(directory, "none"),
      AWS_EC2_METADATA_DISABLED: "true",
    });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/no login for holdfast on localhost could be signed/);
    expect(refused.stderr).toContain("rds-db:connect");
  });
});
