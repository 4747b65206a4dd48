/**
 * The short forms that name something outside the policy: secrets, vaults, keys, alert channels,
 * patterns. Whatever may be a secret typed in the wrong place is never repeated in a problem; at
 * most its scheme is.
 */

import { defaultChecksums, defaultPartsLimit } from "./defaults.ts";
import { nearestName } from "./nearest-name.ts";
import type { Parsed } from "./parsed.ts";
import type { AlertChannel, FolderVault, KeyReference, S3Vault, SecretReference } from "./policy.ts";
import { findSecret, showValue } from "./secret-text.ts";

export const secretForm = "env:NAME, file:PATH, service:NAME or secret:ID";
export const webhookForm = "env:NAME, file:PATH or secret:ID";
export const vaultForm = "folder:PATH or s3://BUCKET/PREFIX";
export const keyForm = "file:PATH or kms:KEY";
export const channelForm = "email:ADDRESS, or slack: and where its webhook stands, such as slack:env:SLACK_WEBHOOK";

/** Reads `env:NAME`, `file:PATH`, `service:NAME` or `secret:ID`; paths are as written. */
export function parseSecretReference(text: string): Parsed<SecretReference> {
  if (text.includes("://") || /(^|\s)(host|user|dbname|password)\s*=/.test(text)) {
    return {
      problem: `an address does not stand in the policy, because a password comes with it; name where it stands: ${secretForm}`,
    };
  }
  const scheme = splitScheme(text, ["env", "file", "service", "secret"], secretForm);
  if ("problem" in scheme) return scheme;
  const { name, rest } = scheme.value;
  switch (name) {
    case "env":
      return wrap(parseEnvName(rest), (value) => ({ from: "env", name: value }));
    case "file":
      return wrap(parsePathText(rest), (path) => ({ from: "file", path }));
    case "service":
      return wrap(parseServiceName(rest), (value) => ({ from: "service", name: value }));
    default:
      return wrap(parseSecretId(rest), (id) => ({ from: "secret", id }));
  }
}

/** The name of an environment variable. */
export function parseEnvName(text: string): Parsed<string> {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return { value: text };
  return { problem: "env: takes the name of an environment variable (letters, digits and _), not its value" };
}

/** The name of an entry in libpq's service file. */
export function parseServiceName(text: string): Parsed<string> {
  if (/^[^\s[\]=]+$/.test(text)) return { value: text };
  return { problem: "service: takes the name of an entry in pg_service.conf, without spaces, = and brackets" };
}

/** A name or ARN of AWS Secrets Manager: the characters that it allows. */
export function parseSecretId(text: string): Parsed<string> {
  if (/^[A-Za-z0-9/_+=.@:-]{1,2048}$/.test(text) && findSecret(text) === undefined) return { value: text };
  return { problem: "secret: takes the name or ARN of a secret in AWS Secrets Manager, not the secret" };
}

/** A path as it is written; where it leads is resolved later. */
export function parsePathText(text: string): Parsed<string> {
  if (text.trim() === "") return { problem: "a path is missing" };
  if (text.includes("\0")) return { problem: "a path cannot hold a NUL character" };
  if (/:\/\//.test(text)) return { problem: "an address is not a path; write a path on this machine" };
  if (/\$[A-Za-z_{(]/.test(text))
    return { problem: `${showValue(text)}: variables are not expanded in a policy; write the path in full, or with ~` };
  if (/^~[^/]/.test(text))
    return { problem: `${showValue(text)}: only ~/ is expanded, to your own home directory; write the path in full` };
  return { value: text };
}

/** Reads `folder:PATH` or `s3://BUCKET/PREFIX`. */
export function parseVaultAddress(text: string): Parsed<FolderVault | S3Vault> {
  if (findSecret(text) !== undefined)
    return { problem: "credentials do not stand in the policy; the AWS credential chain provides them" };
  const s3 = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(text);
  if (s3 !== null) {
    const bucket = parseBucket(s3[1] ?? "");
    if ("problem" in bucket) return bucket;
    const rest = { partsLimit: defaultPartsLimit, checksums: defaultChecksums };
    return wrap(parsePrefix(s3[2] ?? ""), (prefix) => ({ type: "s3", bucket: bucket.value, prefix, ...rest }));
  }
  if (text.startsWith("s3:")) return { problem: `${showValue(text)} is not allowed; write s3://BUCKET/PREFIX` };
  if (/^[~./]/.test(text))
    return { problem: `${showValue(text)} is not allowed; a vault in a folder is written folder:${showPlain(text)}` };
  const scheme = splitScheme(text, ["folder", "s3"], vaultForm);
  if ("problem" in scheme) return scheme;
  return wrap(parsePathText(scheme.value.rest), (path) => ({ type: "folder", path }));
}

export const stateForm = "s3://BUCKET or s3://BUCKET/PREFIX";

/** Reads the address of a vault's state bucket. */
export function parseStateAddress(text: string): Parsed<{ readonly bucket: string; readonly prefix: string }> {
  if (!text.startsWith("s3://")) return { problem: `${showValue(text)} is not written as ${stateForm}` };
  const vault = parseVaultAddress(text);
  if ("problem" in vault) return vault;
  return vault.value.type === "s3"
    ? { value: { bucket: vault.value.bucket, prefix: vault.value.prefix } }
    : { problem: `is not written as ${stateForm}` };
}

/**
 * Amazon's rules for names of buckets (3 to 63 lower-case letters, digits, dots, hyphens), which
 * all providers follow.
 */
export function parseBucket(text: string): Parsed<string> {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text) && !text.includes("..")) return { value: text };
  return { problem: `${showValue(text)} is not a bucket name; use 3 to 63 lower-case letters, digits, dots and hyphens` };
}

/** A prefix of keys; slashes at its ends are taken off. */
export function parsePrefix(text: string): Parsed<string> {
  const prefix = text.replace(/^\/+|\/+$/g, "");
  if (prefix === "") return { value: "" };
  const parts = prefix.split("/");
  // Segments such as `..` are legal keys on S3, but servers that keep objects as files refuse or
  // misread them.
  if (parts.some((part) => part === "" || part === "." || part === "..") || !/^[A-Za-z0-9!_.*'()/=-]+$/.test(prefix)) {
    return {
      problem: `${showValue(text)} is not allowed as a prefix; letters, digits and ! _ . * ' ( ) = - between single slashes`,
    };
  }
  return { value: prefix };
}

/** The address of an S3-compatible provider; plain http only on this very machine. */
export function parseEndpoint(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return { problem: `${showValue(text)} is not an address such as https://s3.example.com` };
  if (url.username !== "" || url.password !== "")
    return { problem: "credentials do not stand in the policy; the AWS credential chain provides them" };
  if (url.search !== "" || url.hash !== "") return { problem: "an endpoint has no ? or # part" };
  if (url.protocol === "http:" && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) {
    return { problem: `${showValue(text)} is not encrypted; write https:// (http:// is for this machine only)` };
  }
  return { value: text.replace(/\/+$/, "") };
}

/** Reads `file:PATH` or `kms:KEY`. */
export function parseKeyReference(text: string): Parsed<KeyReference> {
  if (/^arn:aws[a-z-]*:kms:/.test(text)) return { problem: "a KMS key is written with kms: before its ARN" };
  const scheme = splitScheme(text, ["file", "kms"], `${keyForm}; a key itself does not stand in the policy`);
  if ("problem" in scheme) return scheme;
  const { name, rest } = scheme.value;
  if (name === "file") return wrap(parsePathText(rest), (path) => ({ type: "file", path }));
  return wrap(parseKmsKeyId(rest), (keyId) => ({ type: "kms", keyId }));
}

/** An alias, an id (multi-region ids begin with mrk-), or the ARN of either. */
export function parseKmsKeyId(text: string): Parsed<string> {
  const id = "([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})";
  const alias = "alias/[A-Za-z0-9/_-]+";
  const form = new RegExp(`^(${alias}|${id}|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/${id}|${alias}))$`);
  if (form.test(text)) return { value: text };
  return { problem: "kms: takes an alias such as alias/holdfast, a key id, or the ARN of either" };
}

/**
 * Reads a public key's text. Whether the bytes are a key, those who verify with it find out:
 * policies are read without any cryptography.
 */
export function parsePublicKey(text: string): Parsed<string> {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length > 0 && bytes.length <= maxPublicKeyBytes && bytes.toString("base64") === text) return { value: text };
  return { problem: "is not a public key in base64, on one line" };
}

/** A P-256 key has 91 bytes, an Ed25519 key 44. */
const maxPublicKeyBytes = 1024;

/**
 * Reads `email:ADDRESS` or `slack:` and a reference to its webhook (`env:NAME`, `file:PATH`,
 * `secret:ID` or `secret/ID`).
 */
export function parseAlertChannel(text: string): Parsed<AlertChannel> {
  if (findSecret(text) !== undefined || /^(slack:)?https?:/.test(text)) {
    return { problem: "a webhook's address is a secret; name where it stands: slack:env:NAME, slack:file:PATH or slack:secret/ID" };
  }
  const scheme = splitScheme(text, ["email", "slack"], channelForm);
  if ("problem" in scheme) {
    if (/^[^\s@:]+@[^\s@:]+$/.test(text)) return { problem: `${showValue(text)} is not allowed; write email:${showPlain(text)}` };
    return scheme;
  }
  const { name, rest } = scheme.value;
  if (name === "email") return wrap(parseEmail(rest), (address) => ({ type: "email", address }));
  const webhook = parseWebhookReference(rest.replace(/^secret\//, "secret:"));
  if ("problem" in webhook)
    return { problem: "slack: takes where its webhook stands: slack:env:NAME, slack:file:PATH or slack:secret/ID" };
  return { value: { type: "slack", webhook: webhook.value } };
}

/** Reads `env:NAME`, `file:PATH` or `secret:ID`. */
export function parseWebhookReference(text: string): Parsed<SecretReference> {
  if (text.includes("://")) return { problem: `a webhook's address is a secret; name where it stands: ${webhookForm}` };
  const reference = parseSecretReference(text);
  if ("value" in reference && reference.value.from !== "service") return reference;
  return { problem: `is not written as one of ${webhookForm}` };
}

export function parseEmail(text: string): Parsed<string> {
  if (/^[^\s@,;<>:]+@[^\s@,;<>:]+$/.test(text)) return { value: text };
  return { problem: "email: takes one address such as ops@example.com" };
}

/**
 * Splits `scheme:rest`; shows of an unknown text the scheme at most, and only when it is nearly one
 * that exists.
 */
function splitScheme<S extends string>(text: string, schemes: readonly S[], forms: string): Parsed<{ name: S; rest: string }> {
  const colon = text.indexOf(":");
  const written = colon < 0 ? undefined : text.slice(0, colon);
  const name = schemes.find((scheme) => scheme === written);
  if (name !== undefined) return { value: { name, rest: text.slice(colon + 1).trim() } };
  const nearest = written === undefined ? undefined : nearestName(written, schemes);
  if (nearest === undefined) return { problem: `is not written as one of ${forms}` };
  return { problem: `"${written}:" is not allowed; one of ${forms}; did you mean "${nearest}:"?` };
}

/** A text without quotes inside a suggestion, or a placeholder when it must not be repeated. */
function showPlain(text: string): string {
  const shown = showValue(text);
  return shown.startsWith('"') ? text : "…";
}

function wrap<T, U>(parsed: Parsed<T>, make: (value: T) => U): Parsed<U> {
  return "problem" in parsed ? parsed : { value: make(parsed.value) };
}
