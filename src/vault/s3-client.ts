/** The connection to an S3 server: where it is, how often a request is tried, and how long silence is borne. */
import { S3Client } from "@aws-sdk/client-s3";
import type { S3Vault } from "../policy/policy.ts";
import { type PartPlan, planParts } from "./part-plan.ts";

export interface S3Timeouts {
  readonly connectMs: number;
  /** Without a byte in either direction; a long request that makes progress is never cut. */
  readonly silenceMs: number;
  /** Tries of one request, with exponential waits of up to 20 s between them. */
  readonly attempts: number;
}

/**
 * The silence is longer than S3 takes to complete an upload of 10,000 parts without a sign of life (minutes at most, with blanks sent
 * every few seconds). Six tries span about a minute of SlowDown answers.
 */
export const defaultTimeouts: S3Timeouts = { connectMs: 10_000, silenceMs: 120_000, attempts: 6 };

/** Connections beyond the parts in flight: listings and leases beside an upload. */
const mostSockets = 24;

/** A place in an S3 bucket and the way to it. */
export interface S3Place {
  readonly client: S3Client;
  readonly bucket: string;
  /** Before every key: empty, or with a slash at its end. */
  readonly prefix: string;
  readonly url: string;
  /** Whether parts and objects carry a CRC32 that the server checks. */
  readonly checksums: boolean;
  /** How objects are locked here; absent where they are not. */
  readonly lock?: { readonly mode: "GOVERNANCE" | "COMPLIANCE" };
  /** Whether objects carry tags, for the bucket's lifecycle rules. */
  readonly tags: boolean;
  readonly plan: PartPlan;
}

/** Opens the place; sends nothing yet. Credentials come from the SDK's own chain. */
export function openPlace(config: S3Vault, timeouts: S3Timeouts): S3Place {
  // A locked write without a checksum is refused (AWS, PutObject).
  const checksums = config.checksums === "supported" || config.lock !== undefined;
  // A provider at an endpoint of its own seldom cares for the region, but the signature needs one.
  const region = config.region ?? (config.endpoint === undefined ? undefined : "us-east-1");
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    forcePathStyle: config.pathStyle ?? false,
    maxAttempts: timeouts.attempts,
    retryMode: "standard",
    // It would open a new connection for every part.
    expectContinueHeader: false,
    // Checksums are sent explicitly, part by part; answers are compared with the manifest's own SHA-256.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: timeouts.connectMs,
      socketTimeout: timeouts.silenceMs,
      httpAgent: { maxSockets: mostSockets, keepAlive: true },
      httpsAgent: { maxSockets: mostSockets, keepAlive: true },
    },
  });
  const prefix = config.prefix === "" ? "" : `${config.prefix}/`;
  return {
    client,
    bucket: config.bucket,
    prefix,
    url: `s3://${config.bucket}${config.prefix === "" ? "" : `/${config.prefix}`}`,
    checksums,
    ...(config.lock === undefined ? {} : { lock: { mode: config.lock.mode === "compliance" ? "COMPLIANCE" : "GOVERNANCE" } }),
    tags: config.tiers !== undefined,
    plan: planParts(config.partsLimit, { equalParts: /\.r2\.cloudflarestorage\.com\b/.test(config.endpoint ?? "") }),
  };
}
