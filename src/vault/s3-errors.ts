/** What an S3 server or the way to it says, in the catalogue's words. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { thawHoursOf } from "./s3-archive.ts";

interface Facts {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  /** The system's word for a broken connection. */
  readonly code: string | undefined;
}

/** Names that mean a problem with this machine's settings rather than with the store. */
const settings: Readonly<Record<string, string>> = {
  CredentialsProviderError: "no AWS credentials were found",
  TokenProviderError: "the AWS session has expired",
  RequestTimeTooSkewed: "this machine's clock is too far from the store's",
};

/** Network errors that will not go away by themselves: the address is wrong, or the certificate is. */
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/;

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

/** The condition of a conditional request did not hold. */
export function isConditionFailed(error: unknown): boolean {
  return factsOf(error).status === 412;
}

/** Two writers raced; whether the condition holds is not known. */
export function isConditionalConflict(error: unknown): boolean {
  const { status, name } = factsOf(error);
  return status === 409 && name !== "BucketNotEmpty";
}

export function isNotFound(error: unknown): boolean {
  const { status, name } = factsOf(error);
  return status === 404 && name !== "NoSuchBucket";
}

/** Whether the outcome of the request is unknown: the server may have done it. */
export function isOutcomeUnknown(error: unknown): boolean {
  const { status } = factsOf(error);
  return status === undefined || status >= 500 || status === 408;
}

/** The catalogue's error for an error met while doing `what` (an infinitive) in the store at `url`; catalogue errors are returned as they are. */
export function s3Error(error: unknown, what: string, url: string): unknown {
  if (error instanceof HoldfastError) return error;
  const { name, message, status, code } = factsOf(error);
  const options = { cause: error };
  const said = `${name}${message === "" || message === name ? "" : `: ${message.split("\n", 1)[0]}`}`;
  const setting = settings[name];
  if (setting !== undefined) return new HoldfastError("StoreAccessDenied", `cannot ${what} in ${url}: ${setting}`, options);
  if (name === "NoSuchBucket")
    return new HoldfastError("VaultNotFound", `cannot ${what} in ${url}: there is no such bucket`, options);
  if (name === "InvalidObjectState") {
    const { StorageClass: tier } = error as { readonly StorageClass?: string };
    const hours = thawHoursOf(tier);
    const time = hours === undefined ? "" : `, and can be read up to ${hours} hours after it was asked for`;
    return new HoldfastError("ArtifactArchived", `cannot ${what} in ${url}: it lies in ${tier ?? "an archive"}${time}`, options);
  }
  if (status === 401 || status === 403)
    return new HoldfastError("StoreAccessDenied", `not allowed to ${what} in ${url}: ${said}`, options);
  if (status === 507) return new HoldfastError("DiskFull", `no space left to ${what} in ${url}: ${said}`, options);
  if (
    status === 301 ||
    name === "PermanentRedirect" ||
    name === "AuthorizationHeaderMalformed" ||
    /region is missing/i.test(message)
  ) {
    const hint = "Set the vault's region in the policy to the bucket's.";
    return new HoldfastError("VaultInvalid", `cannot ${what} in ${url}: ${said}`, { ...options, hint });
  }
  if (status === 501) {
    const hint = "Set `checksums: required` for this vault, and see docs/vault-format.md for what a store must be able to do.";
    return new HoldfastError("VaultInvalid", `the store at ${url} cannot ${what}: ${said}`, { ...options, hint });
  }
  if (certificate.test(code ?? "")) return new HoldfastError("VaultInvalid", `cannot ${what} in ${url}: ${said}`, options);
  if (
    status === undefined ||
    status >= 500 ||
    status === 429 ||
    status === 408 ||
    status === 404 ||
    status === 409 ||
    status < 400
  ) {
    return new HoldfastError("StoreUnavailable", `cannot ${what} in ${url}: ${said}`, options);
  }
  // What the store called a bad request stays one, however often it is sent.
  return new HoldfastError("VaultInvalid", `the store at ${url} refused to ${what}: ${said}`, options);
}
