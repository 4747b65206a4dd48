/**
 * Proves to a function of a stack who calls it: a GetCallerIdentity request, signed with the
 * caller's own credentials and not sent; the function sends it, and AWS says whose it is. A signed
 * header binds it to one message: nobody can use it for another (ADR 0054).
 */
import { HoldfastError } from "../errors/holdfast-error.ts";

/** Header names and values, the signature among them; a session's token may be: it is a secret. */
export type CallerProof = Readonly<Record<string, string>>;

/** An identity, as STS gives it. */
export interface CallerIdentity {
  readonly arn: string;
  readonly account: string;
}

/** Says what the proof is for. */
const bindingHeader = "x-holdfast-message";
/** What is asked of STS (AWS STS API reference, "GetCallerIdentity"). */
const body = "Action=GetCallerIdentity&Version=2011-06-15";
/** Without one of these, the signature says nothing of them. */
const mustBeSigned = ["host", "x-amz-date", bindingHeader];
const authorizationPattern =
  /^AWS4-HMAC-SHA256 Credential=[A-Za-z0-9]{16,128}\/\d{8}\/[a-z0-9-]{1,40}\/sts\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,500}), ?Signature=[0-9a-f]{64}$/;
const connectMs = 5_000;
const answerMs = 10_000;

/** The part of a request that is signed. */
interface SignedRequest {
  headers: Record<string, string>;
  body?: unknown;
  method: string;
  path: string;
  hostname: string;
  port?: number;
}

/** Signs; sends nothing. Errors: those of finding credentials, and a region. */
export async function proveCaller(binding: string): Promise<CallerProof> {
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const client = new STSClient({ maxAttempts: 1 });
  let signed: Record<string, string> | undefined;
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as SignedRequest).headers[bindingHeader] = binding;
      return next(args);
    },
    { step: "build" },
  );
  client.middlewareStack.add(
    () => async (args) => {
      signed = (args.request as SignedRequest).headers;
      return { output: { $metadata: {} }, response: {} } as never;
    },
    { step: "deserialize", priority: "high" },
  );
  try {
    await client.send(new GetCallerIdentityCommand({}));
  } finally {
    client.destroy();
  }
  return signedParts(signed ?? {});
}

/** The headers that the signature covers, and the signature. */
function signedParts(headers: Readonly<Record<string, string>>): CallerProof {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const names = authorizationPattern.exec(lower["authorization"] ?? "")?.[1]?.split(";") ?? [];
  return Object.fromEntries(
    ["authorization", ...names].flatMap((name) => (lower[name] === undefined ? [] : [[name, lower[name]]])),
  );
}

/**
 * Asks AWS whose proof it is. Errors: ApprovalRefused (it is bound to something else, or AWS does
 * not confirm it), StackUnavailable.
 */
export async function identifyCaller(proof: CallerProof, binding: string): Promise<CallerIdentity> {
  const headers = requireBound(proof, binding);
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const client = new STSClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: connectMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
  });
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as SignedRequest;
      const host = request.port === undefined ? request.hostname : `${request.hostname}:${request.port}`;
      // The function chooses whom it asks: a proof for another host proves nothing here.
      if (headers["host"] !== host) throw refused("it is signed for another region or endpoint than the stack's");
      Object.assign(request, { method: "POST", path: "/", query: {}, body, headers: { ...headers } });
      return next(args);
    },
    { step: "deserialize", priority: "high" },
  );
  try {
    const { Arn: arn, Account: account } = await client.send(new GetCallerIdentityCommand({}));
    if (arn === undefined || account === undefined) throw refused("AWS names nobody");
    return { arn, account };
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const { name, $metadata } = error as Error & { readonly $metadata?: { readonly httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode ?? 0;
    if (status >= 400 && status < 500) throw refused(`AWS does not confirm it (${name})`);
    // Not the cause: it may repeat headers.
    throw new HoldfastError("StackUnavailable", `AWS could not be asked who calls (${name})`);
  } finally {
    client.destroy();
  }
}

function requireBound(proof: CallerProof, binding: string): CallerProof {
  const names = authorizationPattern.exec(proof["authorization"] ?? "")?.[1]?.split(";");
  if (names === undefined) throw refused("it is not a signed request to STS");
  const missing = mustBeSigned.find((name) => !names.includes(name) || proof[name] === undefined);
  if (missing !== undefined) throw refused(`its signature does not cover ${missing}`);
  if (Object.keys(proof).some((name) => name !== "authorization" && !names.includes(name)))
    throw refused("it has a header that is not signed");
  if (proof[bindingHeader] !== binding) throw refused("it was made for another message");
  return proof;
}

function refused(why: string): HoldfastError {
  return new HoldfastError("ApprovalRefused", `who calls is not proven: ${why}`, {
    hint: "Run the command again with `holdfast --stack`, in the region of the stack; the clock of this machine may be minutes off.",
  });
}
