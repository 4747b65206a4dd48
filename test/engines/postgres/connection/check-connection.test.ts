import { describe, expect, it } from "vitest";
import { assertEncrypted, checkPoolerName, checkTls } from "../../../../src/engines/postgres/connection/check-connection.ts";
import type { ConnectionSettings, SslMode } from "../../../../src/engines/postgres/connection/connection.ts";
import { Secret } from "../../../../src/runtime/secret.ts";

const settingsOf = (host: string, sslmode: SslMode, more: Partial<ConnectionSettings> = {}): ConnectionSettings => ({
  host,
  port: 5432,
  user: "u",
  database: "d",
  password: new Secret("hunter2"),
  sslmode,
  connectTimeoutSeconds: 30,
  variables: {},
  ...more,
});

describe("encryption", () => {
  it.each(["localhost", "127.0.0.1", "127.1.2.3", "::1", "/var/run/postgresql", "@abstract"])("%s is no network", (host) => {
    expect(checkTls(settingsOf(host, "prefer"))).toEqual([]);
    expect(() => assertEncrypted(settingsOf(host, "disable"))).not.toThrow();
  });

  it.each(["disable", "allow", "prefer"] as const)("%s over a network is a warning, and refused in a stack", (sslmode) => {
    for (const host of ["db.example.com", "10.0.0.5", "127.0.0.1.example.com", "localhost.example.com", "2001:db8::1"]) {
      const [finding] = checkTls(settingsOf(host, sslmode));
      expect(finding).toMatchObject({ level: "warning", message: expect.stringContaining("does not force encryption") });
      expect(JSON.stringify(finding)).not.toContain("hunter2");
      expect(() => assertEncrypted(settingsOf(host, sslmode))).toThrow(/does not force encryption/);
    }
  });

  it("goes by the address that is connected to", () => {
    expect(checkTls(settingsOf("localhost", "prefer", { variables: { PGHOSTADDR: "10.0.0.5" } }))).toHaveLength(1);
    expect(checkTls(settingsOf("db.example.com", "prefer", { variables: { PGHOSTADDR: "127.0.0.1" } }))).toEqual([]);
  });

  it.each([
    ["require", {}, "does not verify who answers"],
    ["require", { sslrootcert: "/ca.crt" }, "does not verify"],
    ["verify-ca", { sslrootcert: "/ca.crt" }, "does not verify the host's name"],
  ] as const)("%s %o is encrypted but not verified", (sslmode, more, words) => {
    expect(checkTls(settingsOf("db.example.com", sslmode, more))).toEqual([
      expect.objectContaining({ level: "warning", message: expect.stringContaining(words) }),
    ]);
    expect(() => assertEncrypted(settingsOf("db.example.com", sslmode, more))).not.toThrow();
  });

  it("verify-full, and the system's authorities, are what is wanted", () => {
    expect(checkTls(settingsOf("db.example.com", "verify-full", { sslrootcert: "/ca.crt" }))).toEqual([]);
    expect(checkTls(settingsOf("db.example.com", "require", { sslrootcert: "system" }))).toEqual([]);
  });
});

it.each([
  ["db-pooler.eu.neon.tech", 5432, 1],
  ["aws-0.pooler.supabase.com", 5432, 1],
  ["db", 6432, 1],
  ["pooler-db.example.com", 5432, 0],
])("%s:%i looks like a pooler: %i", (host, port, count) => {
  expect(checkPoolerName(settingsOf(host, "require", { port }))).toHaveLength(count);
});
