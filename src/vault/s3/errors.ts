/** What an S3 server or the way to it says, in the catalogue's words. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { thawHoursOf } from "./archive.ts";

interface Facts {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  /** The system's word for a broken connection. */
  readonly code: string | undefined;
}

/**
 * Names that mean a problem with this machine's settings rather than with the store: what is wrong,
 * and what to do.
 */
const settings: Readonly<Record<string, readonly [string, string]>> = {
  CredentialsProviderError: ["no AWS credentials were found", credentialsHint()],
  TokenProviderError: ["the AWS session has expired", "Sign in again with `aws sso login`, or set fresh credentials."],
  ExpiredToken: ["the credentials have expired", "Sign in again, or set fresh credentials."],
  ExpiredTokenException: ["the credentials have expired", "Sign in again, or set fresh credentials."],
  InvalidToken: ["the session token is not valid", credentialsHint()],
  InvalidAccessKeyId: ["the store does not know this access key", credentialsHint()],
  // versitygw says so with status 404.
  XAdminUserNotFound: ["the store does not know this access key", credentialsHint()],
  SignatureDoesNotMatch: ["the secret access key does not belong to the access key", credentialsHint()],
  RequestTimeTooSkewed: ["this machine's clock is too far from the store's", "Let NTP set this machine's clock."],
};

function credentialsHint(): string {
  return "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, for this store; `holdfast check` tries them.";
}

/**
 * Network errors that will not go away by themselves: the address is wrong, or the certificate is.
 */
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/;
const certificateHint =
  "If a CA of your own signed the store's certificate, set NODE_EXTRA_CA_CERTS to the file with its certificate (docs/network.md).";
const protocolHint =
  "Check the vault's endpoint: whether it begins with http:// or https:// as its server expects, its host and its port.";
const regionNames: readonly string[] = ["PermanentRedirect", "AuthorizationHeaderMalformed"];
const wrongProtocol = /^EPROTO$|^ERR_SSL|^HPE_INVALID/;

/**
 * The system's codes of a connection that may work the next time: a restart, a lost route, a name
 * server that did not answer.
 */
const passingCodes: readonly (string | undefined)[] = [
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ETIMEDOUT",
];
/**
 * Names of errors that pass, whatever their status: S3 gives some of them as 400 or 409 (S3 API
 * reference, "Error responses").
 */
const passingNames: readonly string[] = [
  "NetworkingError",
  "OperationAborted",
  "RequestTimeout",
  "RequestTimeoutException",
  "SlowDown",
  "SlowDownRead",
  "SlowDownWrite",
  "ThrottlingException",
  "TimeoutError",
  "TooManyRequestsException",
];
/**
 * Statuses from 500 on that say what the server cannot do, now or later: not implemented, HTTP
 * version, storage.
 */
const lastingStatuses: readonly number[] = [501, 505, 507];

/** What an error says of itself. */
export function factsOf(error: unknown): Facts {
  const record = (typeof error === "object" && error !== null ? error : {}) as {
    readonly name?: unknown;
    readonly message?: unknown;
    readonly code?: unknown;
    readonly Code?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: unknown };
  };
  const status = record.$metadata?.httpStatusCode;
  const code = record.code;
  return {
    name: String(record.Code ?? record.name ?? "Error"),
    message: String(record.message ?? error),
    status: typeof status === "number" ? status : undefined,
    code: typeof code === "string" ? code : undefined,
  };
}

/**
 * Whether the same request may succeed when it is sent again: overload, restarts, cut connections,
 * answers that cannot be read to their end.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof HoldfastError) return false;
  const { name, status, code } = factsOf(error);
  if (certificate.test(code ?? "") || settings[name] !== undefined) return false;
  if (passingNames.includes(name)) return true;
  if (status === undefined) return passingCodes.includes(code);
  if (status >= 500) return !lastingStatuses.includes(status);
  // An answer that says success and cannot be read was cut.
  return status === 408 || status === 429 || status < 300;
}

/** The server refused because of this machine's clock, and the SDK now knows the difference. */
export function isCorrectedClock(error: unknown): boolean {
  return factsOf(error).name === "RequestTimeTooSkewed";
}

/** The condition of a conditional request did not hold. */
export function isConditionFailed(error: unknown): boolean {
  return factsOf(error).status === 412;
}

/** Two writers raced; whether the condition holds is not known. */
export function isConditionalConflict(error: unknown): boolean {
  const { status, name } = factsOf(error);
  return status === 409 && name !== "BucketNotEmpty";
}

const unnamed404 = "UnnamedNotFound";

/**
 * The SDK calls every 404 without a code "NotFound". Only the answer to a HEAD may lack one; any
 * other comes from no S3 server.
 */
export function nameUnnamed(error: unknown): unknown {
  const { status, name } = factsOf(error);
  return status === 404 && name === "NotFound" ? Object.assign(error as Error, { name: unnamed404, Code: unnamed404 }) : error;
}

/**
 * Names of a 404 that is about the object asked for. Others are about the bucket, the user, or come
 * from no S3 server at all.
 */
const absentNames: readonly string[] = ["NoSuchKey", "NoSuchUpload", "NoSuchVersion", "NotFound"];

/**
 * The server says that there is no such object; never concluded from a 404 that says anything else.
 */
export function isNotFound(error: unknown): boolean {
  const { status, name } = factsOf(error);
  return status === 404 && absentNames.includes(name);
}

/** Whether the outcome of the request is unknown: the server may have done it. */
export function isOutcomeUnknown(error: unknown): boolean {
  const { status } = factsOf(error);
  return status === undefined || status >= 500 || status === 408;
}

/**
 * The catalogue's error for an error met while doing `what` (an infinitive) in the store at `url`;
 * catalogue errors are returned as they are.
 */
export function s3Error(error: unknown, what: string, url: string): unknown {
  if (error instanceof HoldfastError) return error;
  const facts = factsOf(error);
  const { name, status } = facts;
  const options = { cause: error };
  const said = sayError(facts);
  const wrongSettings = settingsError(error, facts, what, url);
  if (wrongSettings !== undefined) return wrongSettings;
  if (name === "NoSuchBucket")
    return new HoldfastError("BucketNotFound", `cannot ${what} in ${url}: there is no such bucket`, options);
  if (name === "InvalidObjectState") return archivedError(error, what, url);
  if (status === 401 || status === 403)
    return new HoldfastError("StoreAccessDenied", `not allowed to ${what} in ${url}: ${said}`, options);
  if (status === 507) return new HoldfastError("DiskFull", `no space left to ${what} in ${url}: ${said}`, options);
  if (status === 501) {
    const hint = "Set `checksums: required` for this vault, and see docs/vault-format.md for what a store must be able to do.";
    return new HoldfastError("VaultInvalid", `the store at ${url} cannot ${what}: ${said}`, { ...options, hint });
  }
  if (name === unnamed404) {
    const message = `cannot ${what} in ${url}: the answer is 404, without a word of S3 in it`;
    return new HoldfastError("VaultInvalid", message, { ...options, hint: protocolHint });
  }
  if (status === undefined || status >= 500 || status < 400 || [404, 408, 409, 429].includes(status)) {
    return new HoldfastError("StoreUnavailable", `cannot ${what} in ${url}: ${said}`, options);
  }
  // What the store called a bad request stays one, however often it is sent.
  return new HoldfastError("VaultInvalid", `the store at ${url} refused to ${what}: ${said}`, options);
}

function archivedError(error: unknown, what: string, url: string): HoldfastError {
  const { StorageClass: tier } = error as { readonly StorageClass?: string };
  const hours = thawHoursOf(tier);
  const time = hours === undefined ? "" : `, and can be read up to ${hours} hours after it was asked for`;
  return new HoldfastError("ArtifactArchived", `cannot ${what} in ${url}: it lies in ${tier ?? "an archive"}${time}`, {
    cause: error,
  });
}

/**
 * Where the fault is in the policy or on this machine: keys, clock, region, certificate, endpoint.
 */
function settingsError(error: unknown, facts: Facts, what: string, url: string): HoldfastError | undefined {
  const { name, message, status, code = "" } = facts;
  const refuse = (errorName: "StoreAccessDenied" | "VaultInvalid", why: string, hint: string): HoldfastError =>
    new HoldfastError(errorName, `cannot ${what} in ${url}: ${why}`, { cause: error, hint });
  const setting = settings[name];
  if (setting !== undefined) return refuse("StoreAccessDenied", ...setting);
  if (status === 301 || status === 307 || regionNames.includes(name) || /region is missing/i.test(message)) {
    const region = regionOf(error);
    const [found, wanted] = region === undefined ? [sayError(facts), "the bucket's"] : [`the bucket is in ${region}`, region];
    return refuse("VaultInvalid", found, `Set the vault's region in the policy to ${wanted}.`);
  }
  if (certificate.test(code)) return refuse("VaultInvalid", `its certificate is not trusted (${sayError(facts)})`, certificateHint);
  if (wrongProtocol.test(code)) return refuse("VaultInvalid", `no S3 server answers there (${sayError(facts)})`, protocolHint);
  return undefined;
}

/** The error's own text in one line; an answer without one is known by its status. */
function sayError({ name, message, status }: Facts): string {
  const first = message.split("\n", 1)[0] ?? "";
  const isNameless = name === "Error" || /^Unknown|^\d*$/.test(name);
  if (isNameless && status !== undefined) return `HTTP status ${status}`;
  if (isNameless) return first;
  return first === "" || first === name || /^UnknownError$/.test(first) ? name : `${name}: ${first}`;
}

/** The region that a redirect or a refused signature names. */
function regionOf(error: unknown): string | undefined {
  const { Region, $response } = error as {
    readonly Region?: unknown;
    readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  };
  const region = $response?.headers?.["x-amz-bucket-region"] ?? Region;
  return typeof region === "string" && /^[a-z0-9-]{1,40}$/.test(region) ? region : undefined;
}
