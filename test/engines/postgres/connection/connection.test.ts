import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describePlace, resolveConnection, toolEnvironment } from "../../../../src/engines/postgres/connection/connection.ts";
import { driverOptions } from "../../../../src/engines/postgres/connection/driver.ts";
import { tlsAttempts } from "../../../../src/engines/postgres/connection/tls.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "hf-home-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const fromEnv = async (text: string, environment: Record<string, string> = {}) =>
  (await resolveConnection({ from: "env", name: "DB" }, { environment: { HOME: home, DB: text, ...environment } })).settings;

describe("resolveConnection", () => {
  it("reads a variable, and gives tools an environment", async () => {
    const settings = await fromEnv(
      "postgresql://u:s%40cret@db:6000/shop?sslmode=require&options=-cgeqo%3Doff&channel_binding=require",
    );
    expect(toolEnvironment(settings)).toEqual({
      PGHOST: "db",
      PGPORT: "6000",
      PGUSER: "u",
      PGPASSWORD: "s@cret",
      PGDATABASE: "shop",
      PGSSLMODE: "require",
      PGAPPNAME: "holdfast",
      PGCONNECT_TIMEOUT: "30",
      PGOPTIONS: "-cgeqo=off -c lc_monetary=C -c bytea_output=hex -c quote_all_identifiers=off -c standard_conforming_strings=on",
      PGTZ: "UTC",
      PGCHANNELBINDING: "require",
    });
    expect(driverOptions(settings, false)).toMatchObject({
      host: "db",
      port: 6000,
      password: "s@cret",
      ssl: false,
      options: "-cgeqo=off",
    });
    expect(inspect(settings, { depth: 9 }) + JSON.stringify(settings) + describePlace(settings)).not.toContain("s@cret");
  });

  it("fills what is missing from PG* variables and libpq's defaults", async () => {
    const settings = await fromEnv("postgresql://db", {
      PGPASSWORD: "pw",
      PGUSER: "someone",
      PGSSLMODE: "disable",
      PGPORT: "7777",
    });
    expect(settings).toMatchObject({ host: "db", port: 7777, user: "someone", database: "someone", sslmode: "disable" });
    expect(settings.password?.reveal()).toBe("pw");
    expect(await fromEnv("postgresql://db", { USER: "os-user" })).toMatchObject({ user: "os-user", port: 5432, sslmode: "prefer" });
  });

  it("reads a file, and warns when everybody may", async () => {
    const path = join(home, "connection");
    await writeFile(path, "host=db user=u dbname=shop password=x\n", { mode: 0o600 });
    const reference = { from: "file", path } as const;
    const first = await resolveConnection(reference, { environment: {} });
    expect(first.settings.database).toBe("shop");
    expect(first.notices).toEqual([]);
    await chmod(path, 0o644);
    expect((await resolveConnection(reference, { environment: {} })).notices).toEqual([
      expect.objectContaining({ code: "connection-file-readable", subject: path }),
    ]);
    await expect(resolveConnection({ from: "file", path: `${path}.none` }, { environment: {} })).rejects.toMatchObject({
      name: "SecretUnavailable",
    });
  });

  it("finds a service where libpq does, and its password in .pgpass", async () => {
    await writeFile(
      join(home, ".pg_service.conf"),
      "# mine\n[other]\nhost=wrong\n[shop]\nhost=db.example\nport=6000\nuser=backup\ndbname=shop\n[last]\nhost=last\n",
    );
    const pgpass = join(home, ".pgpass");
    await writeFile(pgpass, "# passwords\ndb.example:6000:other:backup:no\n*:*:shop:backup:wi\\:th:colon\\\\\n", { mode: 0o600 });
    const reference = { from: "service", name: "shop" } as const;
    const { settings } = await resolveConnection(reference, { environment: { HOME: home } });
    expect(settings).toMatchObject({ host: "db.example", port: 6000, user: "backup", database: "shop" });
    expect(settings.password?.reveal()).toBe("wi:th:colon\\");
    await chmod(pgpass, 0o644);
    expect((await resolveConnection(reference, { environment: { HOME: home } })).settings.password).toBeUndefined();
    await mkdir(join(home, "etc"));
    await writeFile(join(home, "etc/pg_service.conf"), "[wide]\nhost=system.example\nuser=u\n");
    const wide = await resolveConnection(
      { from: "service", name: "wide" },
      { environment: { HOME: home, PGSYSCONFDIR: join(home, "etc") } },
    );
    expect(wide.settings.host).toBe("system.example");
    await expect(resolveConnection({ from: "service", name: "none" }, { environment: { HOME: home } })).rejects.toMatchObject({
      name: "SecretUnavailable",
      hint: expect.stringContaining("[none]"),
    });
  });

  it("reads a secret of Secrets Manager, as RDS writes it or as a URI", async () => {
    const read = (text: string) => resolveConnection({ from: "secret", id: "shop/db" }, { environment: {} }, async () => text);
    const json = JSON.stringify({ engine: "postgres", host: "db", port: 5433, username: "u", password: "p", dbname: "shop" });
    expect((await read(json)).settings).toMatchObject({ host: "db", port: 5433, user: "u", database: "shop" });
    expect((await read("postgresql://u:p@db/shop")).settings.database).toBe("shop");
    await expect(read(JSON.stringify({ username: "u", password: "hunter2" }))).rejects.toMatchObject({
      message: "secret shop/db lacks host, dbname",
    });
    await expect(read("{hunter2")).rejects.toSatisfy(
      (error: Error) => !JSON.stringify([error.message, String(error.cause)]).includes("hunter2"),
    );
  });

  it.each([
    ["postgresql://u@h/d?sslmod=verify-full", "sslmod"],
    ["postgresql://u@h/d?sslmode=no-verify", "sslmode"],
    ["postgresql://u@h/d?sslpassword=x", "sslpassword"],
    ["host=a,b user=u", "several hosts"],
    ["host=a port=0 user=u", "port"],
    ["host=a", "user"],
  ])("refuses %s", async (text, word) => {
    await expect(fromEnv(text)).rejects.toMatchObject({ name: "SecretUnavailable", message: expect.stringContaining(word) });
  });
});

describe("tlsAttempts", () => {
  it("follows libpq's modes", async () => {
    const attempts = async (parameters: string) => tlsAttempts(await fromEnv(`postgresql://u@h/d?${parameters}`));
    expect(await attempts("sslmode=disable")).toEqual([false]);
    expect(await attempts("sslmode=allow")).toEqual([false, expect.objectContaining({ rejectUnauthorized: false })]);
    expect(await attempts("sslmode=prefer")).toEqual([expect.objectContaining({ rejectUnauthorized: false }), false]);
    expect(await attempts("sslmode=require")).toEqual([expect.objectContaining({ rejectUnauthorized: false })]);
    await expect(attempts("sslmode=verify-full")).rejects.toMatchObject({ name: "SecretUnavailable" });
    await mkdir(join(home, ".postgresql"));
    await writeFile(join(home, ".postgresql/root.crt"), "pem");
    expect(await attempts("sslmode=require")).toEqual([
      expect.objectContaining({ rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }),
    ]);
    const [full] = await attempts("sslmode=verify-full");
    expect(full).toMatchObject({ rejectUnauthorized: true });
    expect(full).not.toHaveProperty("checkServerIdentity");
  });
});
