import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findSecret, mayHoldSecret, showValue } from "../../src/policy/secret-text.ts";
import { messagesOf, problemsOf, withFiles, withPostgres, withSource, withTop } from "./policy-texts.ts";

const withConnection = (text: string) => withSource(`engine: postgres\nretention: { daily: 7 }\nconnection: ${text}`);

describe("a connection that stands in the policy", () => {
  const where = "env:NAME, file:PATH, service:NAME or secret:ID";
  it.each([
    [
      "postgresql://shop:hunter2@db/shop",
      `sources.shop.connection: an address with a password does not stand in the policy; name where it stands: ${where}`,
    ],
    [
      "postgresql://db/shop",
      `sources.shop.connection: an address does not stand in the policy, because a password comes with it; name where it stands: ${where}`,
    ],
    [
      "env:postgresql://db/hunter2",
      `sources.shop.connection: an address does not stand in the policy, because a password comes with it; name where it stands: ${where}`,
    ],
    [
      '"host=db password=hunter2"',
      `sources.shop.connection: an address does not stand in the policy, because a password comes with it; name where it stands: ${where}`,
    ],
    ["hunter2", `sources.shop.connection: is not written as one of ${where}`],
    [
      "{ env: hunter-2 }",
      "sources.shop.connection.env: env: takes the name of an environment variable (letters, digits and _), not its value",
    ],
    [
      "env:hunter-2",
      "sources.shop.connection: env: takes the name of an environment variable (letters, digits and _), not its value",
    ],
    [
      '"service:host=hunter2"',
      `sources.shop.connection: service: takes the name of an entry in pg_service.conf, without spaces, = and brackets`,
    ],
    [
      '"secret:hunter 2"',
      "sources.shop.connection: secret: takes the name or ARN of a secret in AWS Secrets Manager, not the secret",
    ],
    ["evn:hunter2", `sources.shop.connection: "evn:" is not allowed; one of ${where}; did you mean "env:"?`],
  ])("%s is refused and not repeated", (text, message) => {
    expect(messagesOf(withConnection(text))).toEqual([message]);
  });

  it("is refused in parts too", () => {
    const problem = `unknown key; the policy does not hold a connection's settings, only where to find them: ${where}`;
    expect(messagesOf(withConnection("{ host: db, password: hunter2 }"))).toEqual([
      `sources.shop.connection.host: ${problem}`,
      `sources.shop.connection.password: ${problem}`,
    ]);
  });

  it("is never repeated, whatever it looks like", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const text = withConnection(JSON.stringify(`${before}Zq9marker${after}`));
        expect(problemsOf(text).join("\n")).not.toContain("Zq9marker");
      }),
      { numRuns: 300 },
    );
  });
});

describe("secrets elsewhere", () => {
  const secrets = [
    "https://user:hunter2Zq9@example.com/x",
    "AKIAIOSFODNN7EXAMPLE",
    "https://hooks.slack.com/services/T0/B0/hunter2Zq9",
    "xoxb-123456789012-hunter2Zq9",
    "-----BEGIN RSA PRIVATE KEY-----hunter2Zq9",
  ];
  const marker = /hunter2Zq9|AKIAIOSFODNN7EXAMPLE|hooks\.slack/;
  const placesOfText: readonly (readonly [string, (value: string) => string])[] = [
    ["a vault", (value) => withTop(`vaults: { main: ${value} }`)],
    ["an endpoint", (value) => withTop(`vaults: { main: { type: s3, bucket: acme, endpoint: ${value} } }`)],
    ["a key", (value) => withTop(`keys: { main: ${value} }`)],
    ["a key of a list", (value) => withTop(`keys: { main: [file:/a, ${value}] }`)],
    ["an alert", (value) => withTop(`alerts: { critical: [${value}] }`)],
    ["a webhook", (value) => withTop(`alerts: { critical: [{ slack: ${value} }] }`)],
    ["an assertion", (value) => withPostgres(`restoreTest: { assert: [{ sql: ${value}, atLeast: 1 }] }`)],
    ["an expected value", (value) => withPostgres(`restoreTest: { assert: [{ sql: select 1, equals: ${value} }] }`)],
    ["a tier", (value) => withPostgres(`tier: ${value}`)],
    ["a reference", (value) => withPostgres(`vault: ${value}`)],
    ["a path", (value) => withFiles(`include: [${value}]`)],
    ["an unknown key's value", (value) => withPostgres(`pasword: ${value}`)],
    ["a key's name", (value) => withPostgres(`? ${value}\n: x`)],
    ["a time zone", (value) => withTop(`timezone: ${value}`)],
  ];

  it.each(placesOfText.flatMap(([place, make]) => secrets.map((secret) => [place, secret, make] as const)))(
    "in %s, %s is refused and not repeated",
    (_, secret, make) => {
      const problems = problemsOf(make(JSON.stringify(secret)));
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.join("\n")).toContain("does not stand in the policy");
      expect(problems.join("\n")).not.toMatch(marker);
    },
  );

  it("are not repeated by the errors of YAML", () => {
    for (const line of [
      "connection: postgresql://u:hunter2Zq9@h/db: x",
      "connection: |hunter2Zq9",
      "a: [b, hunter2Zq9",
      "hunter2Zq9\nb: 1",
      "%hunter2Zq9",
      "a: !hunter2Zq9<x x",
      "a: 'b' hunter2Zq9",
    ]) {
      const problems = problemsOf(`${line}\n`);
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.join("\n")).not.toContain("hunter2Zq9");
    }
  });

  it("are told from ordinary texts", () => {
    for (const text of [
      "s3://acme-backups/2026",
      "select count(*) from users where password is null",
      "arn:aws:kms:eu-central-1:123456789012:alias/holdfast",
      "ops@example.com",
      "https://s3.example.com/a@b",
    ]) {
      expect(findSecret(text)).toBeUndefined();
    }
  });
});

describe("values in messages", () => {
  it("are quoted, shortened and on one line", () => {
    expect(showValue("a\nb")).toBe('"a\\nb"');
    expect(showValue("x".repeat(100))).toBe(`"${"x".repeat(60)}…"`);
    expect([showValue(5), showValue(true), showValue(null), showValue([1]), showValue({})]).toEqual([
      "5",
      "true",
      "nothing",
      "a list",
      "a mapping",
    ]);
  });

  it("are left out when they look like keys or tokens", () => {
    expect(mayHoldSecret("q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng=")).toBe(true);
    expect(mayHoldSecret("password: abc")).toBe(true);
    expect(mayHoldSecret("20261120T020000Z-full-7k3f9a")).toBe(true);
    expect(mayHoldSecret("public.password_resets")).toBe(false);
    expect(showValue("api_key=abc")).toBe("the text (not repeated here)");
  });
});
