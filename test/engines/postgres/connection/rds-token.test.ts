/** Tokens of IAM authentication, against AWS's own algorithm as another implementation has it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  resolveConnection,
  secretsOf,
  toolEnvironment,
  withLogin,
} from "../../../../src/engines/postgres/connection/connection.ts";
import { loginTokens } from "../../../../src/engines/postgres/connection/rds-token.ts";
import { redact } from "../../../../src/runtime/secret.ts";
import { signatureOf } from "../../../support/rds-server.ts";

const connection = {
  host: "shop.abc123.eu-central-1.rds.amazonaws.com",
  port: 5432,
  user: "holdfast",
  database: "shop",
  sslrootcert: "/opt/global-bundle.pem",
};
const credentials = async () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalr/XUtn+FEMI", sessionToken: "a+b/c=" });

describe("a token", () => {
  it("is signed for host, port, user, region and fifteen minutes", async () => {
    const token = (await loginTokens(connection, {}, credentials).next()).reveal();
    expect(token).toMatch(/^shop\.abc123\.eu-central-1\.rds\.amazonaws\.com:5432\/\?Action=connect&DBUser=holdfast&X-Amz-/);
    const { searchParams } = new URL(`https://${token}`);
    expect(searchParams.get("X-Amz-Credential")).toMatch(/^AKIDEXAMPLE\/\d{8}\/eu-central-1\/rds-db\/aws4_request$/);
    expect(searchParams.get("X-Amz-Expires")).toBe("900");
    expect(searchParams.get("X-Amz-SignedHeaders")).toBe("host");
    expect(searchParams.get("X-Amz-Signature")).toBe(signatureOf(token, "wJalr/XUtn+FEMI"));
  });

  it("has the right signature whatever the user and the keys are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^[A-Za-z0-9_@.+-]{1,63}$/),
        fc.integer({ min: 1, max: 65_535 }),
        fc.string({ minLength: 1 }),
        fc.string(),
        async (user, port, secretAccessKey, sessionToken) => {
          const read = async () => ({ ...(await credentials()), secretAccessKey, sessionToken });
          const token = (await loginTokens({ ...connection, user, port }, {}, read).next()).reveal();
          const { searchParams } = new URL(`https://${token}`);
          expect(searchParams.get("DBUser")).toBe(user);
          expect(searchParams.get("X-Amz-Signature")).toBe(signatureOf(token, secretAccessKey));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("takes the region of the policy, of the host's name, of the environment, in that order", async () => {
    const regionOf = async (more: object, environment: Record<string, string>): Promise<string | undefined> => {
      const token = (await loginTokens({ ...connection, ...more }, environment, credentials).next()).reveal();
      return new URL(`https://${token}`).searchParams.get("X-Amz-Credential")?.split("/")[2];
    };
    expect(await regionOf({ region: "eu-west-1" }, { AWS_REGION: "us-east-1" })).toBe("eu-west-1");
    expect(await regionOf({}, { AWS_REGION: "us-east-1" })).toBe("eu-central-1");
    expect(await regionOf({ host: "db.example.com" }, { AWS_REGION: "us-east-1" })).toBe("us-east-1");
    expect(() => loginTokens({ ...connection, host: "db.example.com" }, {}, credentials)).toThrow(
      expect.objectContaining({ name: "SecretUnavailable", hint: expect.stringContaining("region: eu-central-1") }),
    );
  });

  it("that cannot be signed says for whom and what to give, and nothing of the cause's text", async () => {
    const read = () => Promise.reject(new Error("the key AKIDEXAMPLE is gone"));
    await expect(loginTokens(connection, {}, read).next()).rejects.toThrow(
      expect.objectContaining({
        name: "SecretUnavailable",
        message: "no login for holdfast on shop.abc123.eu-central-1.rds.amazonaws.com could be signed: Error",
        hint: expect.stringContaining("rds-db:connect"),
      }),
    );
  });
});

describe("the settings of such a connection", () => {
  it("check the server's certificate and name, and take nothing from the environment", async () => {
    const environment = { PGHOST: "other", PGSSLMODE: "disable", PGPASSWORD: "stored", PGUSER: "postgres", PGHOSTADDR: "10.0.0.1" };
    const { settings } = await resolveConnection({ from: "rds", ...connection }, { environment });
    expect(toolEnvironment(settings)).toMatchObject({
      PGHOST: connection.host,
      PGUSER: "holdfast",
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: "/opt/global-bundle.pem",
    });
    expect(Object.keys(toolEnvironment(settings))).not.toEqual(expect.arrayContaining(["PGPASSWORD"]));
    expect(toolEnvironment(settings)).not.toHaveProperty("PGHOSTADDR");
  });

  it("have a new token for each login, all of which are taken out of texts", async () => {
    const tokens = loginTokens(connection, {}, credentials);
    const { settings } = await resolveConnection({ from: "rds", ...connection }, { environment: {} });
    const own = { ...settings, tokens };
    const [first, second] = [await withLogin(own), await withLogin(own)].map((ready) => toolEnvironment(ready)["PGPASSWORD"] ?? "");
    expect(tokens.issued).toHaveLength(2);
    expect(redact(`password ${first} and ${second} were refused`, secretsOf(own))).toBe(
      "password [redacted] and [redacted] were refused",
    );
  });

  it("remember no more tokens than a server may still take", async () => {
    const tokens = loginTokens(connection, {}, credentials);
    for (let count = 0; count < 250; count += 1) await tokens.next();
    expect(tokens.issued).toHaveLength(200);
  });
});
