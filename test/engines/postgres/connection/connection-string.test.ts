import { describe, expect, it } from "vitest";
import { parseConnectionString } from "../../../../src/engines/postgres/connection/connection-string.ts";
import { HoldfastError } from "../../../../src/errors/holdfast-error.ts";

const parse = (text: string) => parseConnectionString(text, "environment variable DB");

describe("parseConnectionString", () => {
  it.each([
    [
      "postgresql://u:p%40ss%2Fw@db.example:6543/shop",
      { user: "u", password: "p@ss/w", host: "db.example", port: "6543", dbname: "shop" },
    ],
    [
      "postgres://db/shop?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.crt",
      { host: "db", dbname: "shop", sslmode: "verify-full", sslrootcert: "/etc/ca.crt" },
    ],
    ["postgresql://%2Fvar%2Frun%2Fpostgresql/shop", { host: "/var/run/postgresql", dbname: "shop" }],
    ["postgresql:///shop?host=/tmp&port=5433", { host: "/tmp", port: "5433", dbname: "shop" }],
    ["postgresql://[::1]:5432/shop", { host: "::1", port: "5432", dbname: "shop" }],
    ["postgresql://u:a:b@h/d%20b", { user: "u", password: "a:b", host: "h", dbname: "d b" }],
    ["postgresql://h/d?ssl=true", { host: "h", dbname: "d", sslmode: "require" }],
    ["postgresql://h/d?schema=public&connection_limit=5", { host: "h", dbname: "d" }],
    ["postgresql://h?options=-c%20geqo%3Doff", { host: "h", options: "-c geqo=off" }],
    ["host=db port = 5433 user='a b' password='it''s' dbname=shop", undefined],
    [
      "host=db port = 5433 user='a b' password='it\\'s \\\\' dbname=shop",
      { host: "db", port: "5433", user: "a b", password: "it's \\", dbname: "shop" },
    ],
    ["password='' host=h", { password: "", host: "h" }],
    ["service=mine", { service: "mine" }],
  ])("%s", (text, expected) => {
    if (expected === undefined) expect(() => parse(text)).toThrow(HoldfastError);
    else expect(parse(text)).toEqual(expected);
  });

  it.each([
    "",
    "hunter2",
    "postgresql://u:hunter2%zz@h/d",
    "postgresql://a,hunter2/d",
    "postgresql://h:hunter2/d",
    "user=u 'hunter2'",
    "postgresql://h/d?hunter2",
  ])("refuses %j without quoting it", (text) => {
    try {
      parse(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ name: "SecretUnavailable", message: expect.stringContaining("environment variable DB") });
      const { message, hint, details } = error as HoldfastError;
      expect(JSON.stringify([message, hint, details])).not.toContain("hunter2");
    }
  });
});
