/**
 * A look at a bucket's own settings, for `holdfast check`: whether it keeps a vault as safe as the
 * policy says. Changes nothing.
 */
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  type ObjectLockConfiguration,
} from "@aws-sdk/client-s3";
import type { S3Vault } from "../../policy/policy.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { StoreFinding } from "../object-store.ts";
import type { S3Place } from "./client.ts";
import { factsOf, s3Error } from "./errors.ts";
import { judgeLifecycle } from "./judge-lifecycle.ts";

/** Leases bear this difference (lease-record.ts); beyond the second, AWS may refuse requests. */
const [worthSaying, refusedSoon] = [60_000, 300_000];

/**
 * What a question to the server gave: an answer, `absent` (that is not configured), or why there is
 * none.
 */
type Answer<T> = { readonly value: T } | { readonly absent: true } | { readonly unknown: "not allowed" | "not offered" };

/**
 * As ObjectStore.inspect. A server that lacks a call is not blamed for it; an identity that may not
 * ask is told which right it lacks.
 */
export async function inspectBucket(place: S3Place, config: S3Vault, clock: Clock): Promise<readonly StoreFinding[]> {
  const Bucket = place.bucket;
  const { client } = place;
  const { onAws } = place;
  const findings: StoreFinding[] = [...(await inspectClock(place, clock))];
  const versioning = await ask(place, "versioning", () => client.send(new GetBucketVersioningCommand({ Bucket })));
  findings.push(
    ...judge("versioning", versioning, "s3:GetBucketVersioning", ({ Status }) => judgeVersioning(Status, config, onAws)),
  );
  findings.push(...(await inspectHidden(place, versioning)));
  const lock = await ask(
    place,
    "Object Lock",
    async () => (await client.send(new GetObjectLockConfigurationCommand({ Bucket }))).ObjectLockConfiguration ?? {},
  );
  findings.push(
    ...judge(
      "lock",
      lock,
      "s3:GetBucketObjectLockConfiguration",
      (found) => judgeLock(found, config, onAws),
      () => judgeLock({ ObjectLockEnabled: undefined }, config, true),
    ),
  );
  const access = await ask(
    place,
    "public access",
    async () => (await client.send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration ?? {},
  );
  const isBlocked = (found: object): StoreFinding[] => [judgeAccess(found)];
  findings.push(...judge("public access", access, "s3:GetBucketPublicAccessBlock", isBlocked, () => (onAws ? isBlocked({}) : [])));
  findings.push(...(await inspectPublicPolicy(place)));
  findings.push(...(await inspectEncryption(place)), ...(await inspectPolicy(place, onAws)));
  findings.push(...(await inspectLifecycle(place, config)));
  return findings;
}

async function ask<T>(place: S3Place, what: string, question: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await question() };
  } catch (error) {
    const { status, name } = factsOf(error);
    if (status === 404 && name !== "NoSuchBucket") return { absent: true };
    if (status === 403) return { unknown: "not allowed" };
    if (status === 501 || status === 405 || status === 400) return { unknown: "not offered" };
    throw s3Error(error, `ask for ${what}`, place.url);
  }
}

function judge<T>(
  subject: string,
  answer: Answer<T>,
  right: string,
  verdict: (value: T) => StoreFinding[],
  absent: () => StoreFinding[] = () => [],
): StoreFinding[] {
  if ("value" in answer) return verdict(answer.value);
  if ("absent" in answer) return absent();
  if (answer.unknown === "not offered") return [];
  const remedy = `Let this identity ask (${right}), or look yourself.`;
  return [{ level: "warning", subject, message: "not known: this identity may not read the bucket's settings", remedy }];
}

/** An answer that lacks what was asked for says nothing, neither good nor bad. */
function unknown(subject: string, what: string): StoreFinding {
  const message = `not known: the server's answer does not say ${what}`;
  return { level: "warning", subject, message, remedy: "Look in the server's own settings, or ask its provider." };
}

function judgeVersioning(status: string | undefined, { lock, state }: S3Vault, onAws: boolean): StoreFinding[] {
  const subject = "versioning";
  // AWS leaves the element out where versions were never kept; other servers also where they do.
  if (status === undefined && !onAws) return [unknown(subject, "whether it keeps versions")];
  if (status === "Enabled") {
    const ok: StoreFinding = { level: "ok", subject, message: "on: what is overwritten or deleted by others can be brought back" };
    if (state !== undefined) return [ok];
    const message =
      "every renewal of a lease adds a version here; Holdfast removes them only where its identity may delete versions";
    return [ok, { level: "ok", subject: "leases", message: `${message}: a bucket of its own for state (\`state:\`) avoids them` }];
  }
  const remedy = "Turn versioning on for the bucket.";
  const message = `${status === "Suspended" ? "suspended" : "off"}: what anybody overwrites or deletes is gone at once`;
  return [{ level: lock === undefined ? "warning" : "error", subject, message, remedy }];
}

/**
 * Whether deletions by others, which only add markers where versions are kept, could be found here.
 */
async function inspectHidden(
  place: S3Place,
  versioning: Answer<{ readonly Status?: string | undefined }>,
): Promise<StoreFinding[]> {
  const keepsNone = "value" in versioning && versioning.value.Status === undefined && place.onAws;
  if (keepsNone) return [];
  const command = new ListObjectVersionsCommand({ Bucket: place.bucket, Prefix: place.prefix, MaxKeys: 1 });
  const versions = await ask(place, "versions", () => place.client.send(command));
  if (!("unknown" in versions) || versions.unknown !== "not allowed") return [];
  const message =
    "this identity may not list versions: backups that somebody deleted or overwrote, and that the bucket still has, are not seen";
  return [{ level: "warning", subject: "hidden deletions", message, remedy: "Give it s3:ListBucketVersions on the bucket." }];
}

function judgeLock({ ObjectLockEnabled, Rule }: ObjectLockConfiguration, { lock }: S3Vault, isWhole: boolean): StoreFinding[] {
  const subject = "lock";
  if (lock !== undefined && ObjectLockEnabled === undefined && !isWhole) return [unknown(subject, "whether Object Lock is on")];
  const on = ObjectLockEnabled === "Enabled";
  const byDefault = Rule?.DefaultRetention?.Mode;
  if (lock === undefined) {
    if (byDefault === undefined) return [];
    const message = `the bucket locks every object by default (${byDefault.toLowerCase()}), and the policy does not know: leases stay, and prune meets locks`;
    return [
      {
        level: "error",
        subject,
        message,
        remedy: "Give the vault `lock` and `state` in the policy, or take the bucket's default away.",
      },
    ];
  }
  if (!on) {
    const message = "Object Lock is off, and the policy asks for it: nothing can be written";
    return [
      {
        level: "error",
        subject,
        message,
        remedy: "Turn Object Lock on for the bucket (it cannot be turned off again), or name another.",
      },
    ];
  }
  const ok: StoreFinding = { level: "ok", subject, message: `Object Lock is on; objects are locked at their write (${lock.mode})` };
  if (byDefault === undefined || byDefault.toLowerCase() === lock.mode) return [ok];
  const message = `the bucket's default is ${byDefault.toLowerCase()}, the policy says ${lock.mode}`;
  return [
    ok,
    {
      level: "warning",
      subject,
      message,
      remedy: "Make both the same, or take the bucket's default away: Holdfast locks by itself.",
    },
  ];
}

function judgeAccess(found: object): StoreFinding {
  const subject = "public access";
  const asked = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] as const;
  const missing = asked.filter((name) => (found as Partial<Record<string, boolean>>)[name] !== true);
  if (missing.length === 0) return { level: "ok", subject, message: "blocked" };
  const message = `not blocked: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} off`;
  return { level: "error", subject, message, remedy: "Block all public access of the bucket." };
}

async function inspectPublicPolicy(place: S3Place): Promise<StoreFinding[]> {
  const command = new GetBucketPolicyStatusCommand({ Bucket: place.bucket });
  const status = await ask(place, "the policy's reach", () => place.client.send(command));
  if (!("value" in status) || status.value.PolicyStatus?.IsPublic !== true) return [];
  const message = "the bucket's policy lets the public in";
  return [{ level: "error", subject: "public access", message, remedy: "Take the public principals out of the bucket's policy." }];
}

async function inspectLifecycle(place: S3Place, config: S3Vault): Promise<StoreFinding[]> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: place.bucket });
  const answer = await ask(place, "the lifecycle", async () => (await place.client.send(command)).Rules);
  const verdict = (rules: Parameters<typeof judgeLifecycle>[0] | undefined): StoreFinding[] =>
    rules === undefined ? [unknown("lifecycle", "which lifecycle rules there are")] : judgeLifecycle(rules, config);
  return judge("lifecycle", answer, "s3:GetLifecycleConfiguration", verdict, () => verdict([]));
}

async function inspectEncryption(place: S3Place): Promise<StoreFinding[]> {
  const subject = "encryption";
  const answer = await ask(place, "encryption", () => place.client.send(new GetBucketEncryptionCommand({ Bucket: place.bucket })));
  const none = (): StoreFinding[] => [
    {
      level: "warning",
      subject,
      message: "the bucket has no default encryption: names and figures in manifests lie open on its disks (artifacts are sealed)",
      remedy: "Give the bucket default encryption, SSE-KMS with a bucket key where you can.",
    },
  ];
  return judge(
    subject,
    answer,
    "s3:GetEncryptionConfiguration",
    ({ ServerSideEncryptionConfiguration }) => {
      const rule = ServerSideEncryptionConfiguration?.Rules?.[0];
      const algorithm = rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm;
      return algorithm === undefined
        ? [unknown(subject, "whether it encrypts by default")]
        : [{ level: "ok", subject, message: `by default with ${algorithm}, besides Holdfast's own seal` }];
    },
    none,
  );
}

async function inspectPolicy(place: S3Place, onAws: boolean): Promise<StoreFinding[]> {
  const subject = "TLS only";
  const answer = await ask(place, "the bucket's policy", () =>
    place.client.send(new GetBucketPolicyCommand({ Bucket: place.bucket })),
  );
  const open = (): StoreFinding[] => {
    if (!onAws) return [];
    const remedy = 'Deny s3:* to everybody where "aws:SecureTransport" is "false" in the bucket\'s policy.';
    return [{ level: "warning", subject, message: "the bucket's policy does not refuse connections without TLS", remedy }];
  };
  return judge(
    subject,
    answer,
    "s3:GetBucketPolicy",
    ({ Policy = "" }) =>
      refusesPlainText(Policy) ? [{ level: "ok", subject, message: "connections without TLS are refused" }] : open(),
    open,
  );
}

/** Whether a statement denies what came without TLS. */
function refusesPlainText(policy: string): boolean {
  let statements: unknown;
  try {
    statements = (JSON.parse(policy) as { readonly Statement?: unknown }).Statement;
  } catch {
    return false;
  }
  return [statements].flat().some((statement) => {
    const { Effect, Condition } = (statement ?? {}) as { readonly Effect?: unknown; readonly Condition?: Record<string, unknown> };
    const bool = Object.entries(Condition ?? {}).find(([operator]) => /^Bool(IfExists)?$/.test(operator))?.[1] as
      | Record<string, unknown>
      | undefined;
    const [, value] = Object.entries(bool ?? {}).find(([name]) => name.toLowerCase() === "aws:securetransport") ?? [];
    return Effect === "Deny" && [value].flat().some((each) => String(each) === "false");
  });
}

/** Reads the server's clock from an answer's Date, which is whole seconds. */
async function inspectClock(place: S3Place, clock: Clock): Promise<StoreFinding[]> {
  const command = new HeadBucketCommand({ Bucket: place.bucket });
  let date: string | undefined;
  command.middlewareStack.add(
    (next) => async (input) => {
      const result = await next(input);
      date = (result.response as { readonly headers?: Readonly<Record<string, string>> }).headers?.["date"];
      return result;
    },
    { step: "deserialize", name: "readServerDate" },
  );
  await ask(place, "the time", () => place.client.send(command));
  const serverMs = Date.parse(date ?? "");
  if (Number.isNaN(serverMs)) return [];
  const offMs = clock.now().getTime() - serverMs;
  const seconds = Math.round(Math.abs(offMs) / 1000);
  const subject = "clock";
  if (Math.abs(offMs) < worthSaying) return [{ level: "ok", subject, message: "this machine's and the store's agree" }];
  const message = `this machine's clock is ${seconds} s ${offMs > 0 ? "ahead of" : "behind"} the store's: locks, ids and leases go by it`;
  return [
    { level: Math.abs(offMs) < refusedSoon ? "warning" : "error", subject, message, remedy: "Let NTP set this machine's clock." },
  ];
}
