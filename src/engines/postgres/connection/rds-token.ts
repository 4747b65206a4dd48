/**
 * Logins of RDS IAM authentication: instead of a stored password, a request to connect that the
 * machine's AWS identity has signed (Amazon RDS user guide, "IAM database authentication"). It is
 * made without asking AWS, and a server takes it for 15 minutes.
 */
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RdsConnection } from "../../../policy/policy.ts";
import { regionOf } from "../../../policy/rds-region.ts";
import { Secret } from "../../../runtime/secret.ts";

/** Logins for one connection of a policy. */
export interface LoginTokens {
  /** A new one, for connections that begin in the next minutes. Errors: SecretUnavailable. */
  next(): Promise<Secret>;
  /** Those that a server may still take: to be taken out of foreign texts. */
  readonly issued: readonly Secret[];
}

/** Of RDS: how long a server takes a token. */
const tokenSeconds = 900;
/** More are not remembered: a dump connects some ten times within that time. */
const maxRemembered = 200;

/** Says who signs: the AWS SDK's own chain of credentials, unless a test has another. */
export type CredentialReader = () => Promise<AwsIdentity>;

interface AwsIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Logins for this connection. Errors: SecretUnavailable, when no region is known. */
export function loginTokens(
  connection: RdsConnection,
  environment: Readonly<Record<string, string | undefined>>,
  readCredentials: CredentialReader = defaultCredentials(),
): LoginTokens {
  const region = regionOf(connection) ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  if (region === undefined || region === "") {
    throw new HoldfastError("SecretUnavailable", `the region of ${connection.host} is not known`, {
      hint: "Write it into the policy: connection: { rds: { region: eu-central-1, ... } }.",
    });
  }
  const issued: Secret[] = [];
  const next = async (): Promise<Secret> => {
    const token = new Secret(await signToken(connection, region, readCredentials));
    issued.splice(0, Math.max(0, issued.length + 1 - maxRemembered));
    issued.push(token);
    return token;
  };
  return { next, issued };
}

/** A chain remembers its credentials, and renews them before they end. */
function defaultCredentials(): CredentialReader {
  let chain: CredentialReader | undefined;
  return async () => {
    const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
    chain ??= defaultProvider();
    return chain();
  };
}

async function signToken({ host, port, user }: RdsConnection, region: string, credentials: CredentialReader): Promise<string> {
  const { SignatureV4 } = await import("@smithy/signature-v4");
  try {
    const signer = new SignatureV4({ service: "rds-db", region, credentials, sha256: Sha256 });
    const { query = {} } = await signer.presign(
      {
        method: "GET",
        protocol: "https:",
        hostname: host,
        port,
        path: "/",
        query: { Action: "connect", DBUser: user },
        headers: { host: `${host}:${port}` },
      },
      { expiresIn: tokenSeconds },
    );
    return `${host}:${port}/?${writeQuery(query)}`;
  } catch (error) {
    throw new HoldfastError("SecretUnavailable", `no login for ${user} on ${host} could be signed: ${(error as Error).name}`, {
      cause: error,
      hint: 'Give this machine AWS credentials with rds-db:connect for that user (docs/postgres.md, "IAM authentication of RDS").',
    });
  }
}

/** As the signature has it: sorted, and every byte but the unreserved ones of RFC 3986 escaped. */
function writeQuery(query: Readonly<Record<string, string | readonly string[] | null>>): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return Object.keys(query)
    .toSorted()
    .map((key) => `${encode(key)}=${encode(String(query[key]))}`)
    .join("&");
}

type Bytes = string | ArrayBuffer | ArrayBufferView;

const bufferOf = (data: Bytes): Buffer => {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
};

/** SHA-256, keyed or not, as the signer asks for it. */
class Sha256 {
  #hash: Hash | Hmac;
  readonly #secret: Buffer | undefined;

  constructor(secret?: Bytes) {
    this.#secret = secret === undefined ? undefined : bufferOf(secret);
    this.#hash = this.#start();
  }

  #start(): Hash | Hmac {
    return this.#secret === undefined ? createHash("sha256") : createHmac("sha256", this.#secret);
  }

  update(data: Bytes): void {
    this.#hash.update(bufferOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#start();
  }
}
