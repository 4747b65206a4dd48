/** What an S3 server or the way to it says, in words that tell what to do. */
import { describe, expect, it } from "vitest";
import type { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { isNotFound, s3Error } from "../../../src/vault/s3/errors.ts";

const url = "s3://acme-backups/team";

function answer(status: number, name: string, more: object = {}): Error {
  return Object.assign(new Error(name === "" ? "UnknownError" : "said so"), {
    name,
    $metadata: { httpStatusCode: status },
    ...more,
  });
}

const said = (error: unknown): HoldfastError => s3Error(error, "read holdfast.json", url) as HoldfastError;

describe("an error of the store", () => {
  it.each([
    ["wrong key id", answer(403, "InvalidAccessKeyId"), "StoreAccessDenied", "does not know this access key", "AWS_ACCESS_KEY_ID"],
    [
      "wrong key",
      answer(403, "SignatureDoesNotMatch"),
      "StoreAccessDenied",
      "does not belong to the access key",
      "AWS_SECRET_ACCESS_KEY",
    ],
    [
      "unknown user of versitygw",
      answer(404, "XAdminUserNotFound"),
      "StoreAccessDenied",
      "does not know this access key",
      "AWS_PROFILE",
    ],
    ["old session", answer(400, "ExpiredToken"), "StoreAccessDenied", "have expired", "Sign in again"],
    [
      "no credentials",
      Object.assign(new Error("x"), { name: "CredentialsProviderError" }),
      "StoreAccessDenied",
      "no AWS credentials",
      "AWS_PROFILE",
    ],
    ["wrong clock", answer(403, "RequestTimeTooSkewed"), "StoreAccessDenied", "this machine's clock", "NTP"],
    [
      "no right",
      answer(403, "AccessDenied"),
      "StoreAccessDenied",
      "not allowed to read holdfast.json in s3://acme-backups/team: AccessDenied",
      "",
    ],
    ["no right, without a word", answer(403, "Unknown"), "StoreAccessDenied", "HTTP status 403", ""],
    ["no bucket", answer(404, "NoSuchBucket"), "BucketNotFound", "there is no such bucket", "Create the bucket"],
    ["no S3 server", answer(404, "UnnamedNotFound"), "VaultInvalid", "without a word of S3", "endpoint"],
    [
      "another region, by a header",
      answer(301, "PermanentRedirect", { $response: { headers: { "x-amz-bucket-region": "eu-west-1" } } }),
      "VaultInvalid",
      "the bucket is in eu-west-1",
      "Set the vault's region in the policy to eu-west-1.",
    ],
    [
      "another region, by the refused signature",
      answer(400, "AuthorizationHeaderMalformed", { Region: "eu-north-1" }),
      "VaultInvalid",
      "the bucket is in eu-north-1",
      "eu-north-1",
    ],
    ["another region, unnamed", answer(301, "Unknown"), "VaultInvalid", "HTTP status 301", "region"],
    [
      "a region that is no region",
      answer(301, "PermanentRedirect", { Region: "\u001b[31mred" }),
      "VaultInvalid",
      "PermanentRedirect",
      "the bucket's",
    ],
    [
      "own CA",
      Object.assign(new Error("self-signed certificate in certificate chain"), { code: "SELF_SIGNED_CERT_IN_CHAIN" }),
      "VaultInvalid",
      "its certificate is not trusted",
      "NODE_EXTRA_CA_CERTS",
    ],
    [
      "https to http",
      Object.assign(new Error("wrong version number"), { code: "EPROTO" }),
      "VaultInvalid",
      "no S3 server answers",
      "http://",
    ],
    ["overload", answer(503, "SlowDown"), "StoreUnavailable", "cannot read holdfast.json in s3://acme-backups/team: SlowDown", ""],
    [
      "nobody there",
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
      "StoreUnavailable",
      "ECONNREFUSED",
      "",
    ],
  ] as const)("says what is wrong and what to do: %s", (_, error, name, words, hint) => {
    const result = said(error);
    expect(result).toMatchObject({ name, message: expect.stringContaining(words), hint: expect.stringContaining(hint) });
    expect(result.message).not.toMatch(/Unknown|undefined/);
  });
});

it("only a 404 that names the object means that there is none", () => {
  for (const name of ["NoSuchKey", "NotFound", "NoSuchUpload", "NoSuchVersion"]) expect(isNotFound(answer(404, name))).toBe(true);
  for (const name of ["NoSuchBucket", "XAdminUserNotFound", "UnnamedNotFound", "NoSuchTenant", "Unknown"])
    expect(isNotFound(answer(404, name))).toBe(false);
  expect(isNotFound(answer(500, "NoSuchKey"))).toBe(false);
});
