/**
 * The connection to an S3 server: where it is, how often a request is tried, and how long silence
 * is borne.
 */
import type { Readable } from "node:stream";
import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Vault } from "../../policy/policy.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/run-context.ts";
import { factsOf, isNotFound, nameUnnamed } from "./errors.ts";
import { type PartPlan, planParts } from "./part-plan.ts";
import { makeRetries, type Retries, type RetryTimes } from "./retries.ts";

/** As far as it concerns us. */
interface HttpHandlerOptions {
  readonly abortSignal?: unknown;
}

export interface S3Timeouts extends RetryTimes {
  readonly connectMs: number;
  /** Without a byte in either direction; a long request that makes progress is never cut. */
  readonly silenceMs: number;
}

/**
 * The silence is longer than S3 takes to complete an upload of 10,000 parts without a sign of life
 * (minutes at most, with blanks sent every few seconds). Five minutes of failure outlast the
 * restart of a server and the SlowDown of a bucket that is being split; they are less than the ten
 * minutes of a lease. Half a minute without a first answer means a wrong address rather than a
 * restart.
 */
export const defaultTimeouts: S3Timeouts = {
  connectMs: 10_000,
  silenceMs: 120_000,
  retryMs: 300_000,
  firstContactMs: 30_000,
  cleanupMs: 10_000,
};

export interface S3Options {
  readonly timeouts?: S3Timeouts;
  readonly clock?: Clock;
  /** The run's: once aborted, requests that have no signal of their own are cut soon. */
  readonly signal?: AbortSignal;
  /** Where waiting for the store is reported. */
  readonly log?: Log;
}

/** Connections beyond the parts in flight: listings and leases beside an upload. */
const maxOpenSockets = 24;

/** A place in an S3 bucket and the way to it. */
export interface S3Place {
  /** Its requests are tried again as `retries` says. */
  readonly client: S3Client;
  readonly retries: Retries;
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
  /** A server of AWS does what AWS documents; one at an endpoint of its own may lack some of it. */
  readonly onAws: boolean;
  /**
   * What the server or this identity turned out to be unable to do, so that it is not tried again.
   */
  readonly lacks: { objectSize?: boolean; dropVersions?: boolean };
}

/** Opens the place; sends nothing yet. Credentials come from the SDK's own chain. */
export function openPlace(config: S3Vault, options: S3Options = {}): S3Place {
  const timeouts = options.timeouts ?? defaultTimeouts;
  const times = config.retrySeconds === undefined ? timeouts : { ...timeouts, retryMs: config.retrySeconds * 1000 };
  const url = `s3://${config.bucket}${config.prefix === "" ? "" : `/${config.prefix}`}`;
  const retries = makeRetries({ ...options, clock: options.clock ?? systemClock, times, url });
  // A locked write without a checksum is refused (AWS, PutObject).
  const checksums = config.checksums === "supported" || config.lock !== undefined;
  // A provider at an endpoint of its own seldom cares for the region, but the signature needs one.
  const region = config.region ?? (config.endpoint === undefined ? undefined : "us-east-1");
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    forcePathStyle: config.pathStyle ?? false,
    // Holdfast tries again by itself: by time, and ending at once when the run does
    // (s3-retries.ts).
    maxAttempts: 1,
    // It would open a new connection for every part.
    expectContinueHeader: false,
    // Checksums are sent explicitly, part by part; answers are compared with the manifest's own
    // SHA-256.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: timeouts.connectMs,
      socketTimeout: timeouts.silenceMs,
      httpAgent: { maxSockets: maxOpenSockets, keepAlive: true },
      httpsAgent: { maxSockets: maxOpenSockets, keepAlive: true },
    },
  });
  const prefix = config.prefix === "" ? "" : `${config.prefix}/`;
  return {
    client: retryRequests(client, retries),
    retries,
    bucket: config.bucket,
    prefix,
    url,
    checksums,
    ...(config.lock === undefined ? {} : { lock: { mode: config.lock.mode === "compliance" ? "COMPLIANCE" : "GOVERNANCE" } }),
    tags: config.tiers !== undefined,
    onAws: config.endpoint === undefined,
    lacks: {},
    plan: planParts(config.partsLimit, { equalParts: /\.r2\.cloudflarestorage\.com\b/.test(config.endpoint ?? "") }),
  };
}

/**
 * Makes every request of the client one that is tried again; its `abortSignal` ends the waiting,
 * too.
 */
function retryRequests(client: S3Client, retries: Retries): S3Client {
  const sendOnce = client.send.bind(client) as (command: unknown, options: HttpHandlerOptions) => Promise<unknown>;
  const send = (command: unknown, { abortSignal, ...options }: HttpHandlerOptions = {}): Promise<unknown> =>
    retries.run(
      async (signal) => {
        const request = { ...options, abortSignal: signal };
        try {
          return await sendOnce(command, request);
        } catch (error) {
          if (!(command instanceof HeadObjectCommand)) throw nameUnnamed(error);
          const reason = await explainHead(command, error, signal);
          if (reason !== undefined) throw reason;
          return sendOnce(command, request);
        }
      },
      abortSignal as AbortSignal | undefined,
    );
  // The answer to a HEAD has no body: what is wrong with keys, region or bucket is said only to a
  // GET. Where that one is answered, the refusal was for this machine's clock, which the SDK has
  // corrected by the HEAD's own answer.
  const explainHead = async ({ input }: HeadObjectCommand, error: unknown, abortSignal: AbortSignal): Promise<unknown> => {
    const { status = 0 } = factsOf(error);
    if (![301, 400, 401, 403, 404].includes(status)) return error;
    try {
      const found = (await sendOnce(new GetObjectCommand({ ...input, Range: "bytes=0-0" }), {
        abortSignal,
      })) as GetObjectCommandOutput;
      (found.Body as Readable).destroy();
      return undefined;
    } catch (explained) {
      // After a correction, what the object's absence is called.
      if (isNotFound(nameUnnamed(explained))) return explained;
      return factsOf(explained).status === status ? nameUnnamed(explained) : error;
    }
  };
  client.send = send as S3Client["send"];
  return client;
}
