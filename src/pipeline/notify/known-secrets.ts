/** The secrets that an alert must not repeat, as far as they can be read on this machine. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { ConnectionReference, Policy } from "../../policy/policy.ts";
import { Secret } from "../../runtime/secret.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Connection strings, webhooks and keys have some hundred bytes. */
const maxSecretBytes = 64 * 1024;

/**
 * The values of the policy's secrets that are in the environment, in files of secrets and in key
 * files: for `redact`. Those in Secrets Manager are not asked for: an alert must not wait for it,
 * and its role may not read them. Never throws: what cannot be read is not known.
 */
export async function knownSecrets(context: PipelineContext): Promise<readonly Secret[]> {
  const values = [...secretsInEnvironment(context), ...(await secretsInFiles(context.policy))];
  return values.filter((value) => value !== "").map((value) => new Secret(value));
}

function referencesOf(policy: Policy): readonly ConnectionReference[] {
  return [
    ...Object.values(policy.sources).flatMap(({ secrets }) => secrets),
    ...Object.values(policy.alerts).flatMap((channels) =>
      channels.flatMap((each) => (each.type === "slack" ? [each.webhook] : [])),
    ),
    ...Object.values(policy.restoreTargets ?? {}),
  ];
}

async function secretsInFiles(policy: Policy): Promise<readonly string[]> {
  const files = new Set(referencesOf(policy).flatMap((reference) => (reference.from === "file" ? [reference.path] : [])));
  const keyFiles = new Set(
    Object.values(policy.keys).flatMap(({ keys }) => keys.flatMap((key) => (key.type === "file" ? [key.path] : []))),
  );
  const texts = await Promise.all([...files].map(readSecretText));
  const keyTexts = await Promise.all([...keyFiles].map(readSecretText));
  return [...texts.flatMap((text) => [text, ...passwordsIn(text)]), ...keyTexts.flatMap(keysIn)];
}

/** Empty where it cannot be read, or is not what a secret is. */
async function readSecretText(path: string): Promise<string> {
  try {
    // A pipe that nobody writes to must not keep an alert waiting.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return "";
      const { bytesRead, buffer } = await file.read(Buffer.alloc(maxSecretBytes), 0, maxSecretBytes, 0);
      return buffer.toString("utf8", 0, bytesRead).trim();
    } finally {
      await file.close();
    }
  } catch {
    return "";
  }
}

/** A key file's keys, as they are written there and in hexadecimal digits. */
function keysIn(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return lines.flatMap((line) => {
    const [written = ""] = line.trim().split(/\s/);
    return written === "" ? [] : [written, Buffer.from(written, "base64").toString("hex")];
  });
}
/**
 * What the environment holds of the policy's secrets: whole connection strings, their passwords,
 * webhooks.
 */
function secretsInEnvironment({ policy, run }: PipelineContext): readonly string[] {
  const sources = Object.values(policy.sources);
  const variables = new Set(sources.flatMap(({ traits }) => traits.secretVariables));
  const values = referencesOf(policy).flatMap((reference) => {
    const value = reference.from === "env" ? run.environment[reference.name]?.trim() : undefined;
    return value === undefined ? [] : [value, ...passwordsIn(value)];
  });
  const ofTools = [...variables].map((name) => run.environment[name] ?? "");
  return [...values, ...ofTools];
}

/**
 * What everybody may read in an alert, also where a password is the same word: the names in the
 * policy.
 */
export function publicNamesOf({ sources, vaults, keys }: Policy): readonly string[] {
  const engines = Object.values(sources).map(({ engine }) => engine);
  return [...Object.keys(sources), ...engines, ...Object.keys(vaults), ...Object.keys(keys)];
}

/** The password as a connection string writes it, and as it is meant. */
function passwordsIn(text: string): readonly string[] {
  const inKeywords = /(?:^|\s)password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/.exec(text);
  const written = inKeywords?.[1] ?? inKeywords?.[2];
  if (written !== undefined) return [written, written.replace(/\\(.)/g, "$1")];
  const password = URL.canParse(text) ? new URL(text).password : "";
  try {
    return password === "" ? [] : [password, decodeURIComponent(password)];
  } catch {
    // A percent sign of its own: the driver will refuse it, and the written form is known.
    return [password];
  }
}
