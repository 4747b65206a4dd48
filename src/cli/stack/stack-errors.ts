/** What AWS answers instead of doing what it was asked, as errors of the catalogue. */
import type { ErrorName } from "../../errors/catalogue.ts";
import { HoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import { escapeUnprintable } from "../../runtime/printable-text.ts";

/** What was being done, for the message. */
export interface Request {
  /** `start backup-shop-…`, behind "cannot". */
  readonly doing: string;
  /** The IAM action that it takes. */
  readonly action: string;
}

/** The names that AWS services have for credentials that they do not accept. */
const badCredentials = [
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "RequestExpired",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
];

const signIn =
  "Sign in (`aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run the command again.";

const known: Readonly<Record<string, ErrorName>> = {
  ExecutionAlreadyExists: "ExecutionExists",
  ExecutionDoesNotExist: "ExecutionNotFound",
  StateMachineDoesNotExist: "StackNotFound",
  StateMachineDeleting: "StackNotFound",
  InvalidArn: "UsageInvalid",
  InvalidName: "UsageInvalid",
  InvalidExecutionInput: "UsageInvalid",
};

/** The error of the catalogue for whatever an AWS client threw. */
export function toStackError(error: unknown, { doing, action }: Request): HoldfastError {
  if (!(error instanceof Error) || error instanceof HoldfastError || error.name === "AbortError") return toHoldfastError(error);
  const { name, message } = error;
  if (name === "CredentialsProviderError" || name === "TokenProviderError") {
    return new HoldfastError("StackAccessDenied", `cannot ${doing}: no AWS credentials: ${plain(message)}`, {
      cause: error,
      hint: signIn,
    });
  }
  if (/^Region is missing/.test(message)) {
    return new HoldfastError("UsageInvalid", `cannot ${doing}: no AWS region is set`, {
      cause: error,
      hint: "Set AWS_REGION to the region where the stack is deployed, or set region in your AWS profile.",
    });
  }
  if (badCredentials.includes(name)) {
    return new HoldfastError("StackAccessDenied", `cannot ${doing}: AWS does not accept these credentials (${name})`, {
      cause: error,
      hint: signIn,
    });
  }
  if (/AccessDenied|NotAuthorized/.test(name)) return denied(error, { doing, action });
  const entry = known[name];
  if (entry !== undefined) return new HoldfastError(entry, `cannot ${doing}: ${plain(message)}`, { cause: error });
  return new HoldfastError("StackUnavailable", `cannot ${doing}: ${wordOf(error)}`, { cause: error });
}

/**
 * `User: ARN is not authorized to perform: ACTION on resource: ARN because …` (IAM, "Access denied
 * error messages").
 */
function denied(error: Error, { doing, action }: Request): HoldfastError {
  const [, who] = /User: (\S+)/.exec(error.message) ?? [];
  const [, missing = action] = /perform: ([\w:*-]+)/.exec(error.message) ?? [];
  const [, resource] = /on resource: (\S+)/.exec(error.message) ?? [];
  return new HoldfastError("StackAccessDenied", `cannot ${doing}: ${who ?? "this identity"} may not call ${missing}`, {
    cause: error,
    ...(resource === undefined ? {} : { details: [`on ${escapeUnprintable(resource)}`] }),
    hint: `Have ${missing} granted to it${resource === undefined ? "" : " there"}; docs/command-line.md lists all rights of an operator.`,
  });
}

/** Network failures have a code and often no message; AWS's own have a name. */
function wordOf(error: Error & { readonly code?: unknown }): string {
  const name = typeof error.code === "string" ? error.code : error.name;
  const message = plain(error.message);
  return message === "" || message === name ? name : `${name}: ${message}`;
}

function plain(message: string): string {
  return escapeUnprintable((message.split("\n", 1)[0] ?? "").trim().replace(/\.$/, ""));
}
