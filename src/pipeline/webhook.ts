/**
 * Webhooks, and the other secrets that an alert must not repeat: read from where the policy says
 * they stand.
 */
import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Policy, SecretReference } from "../policy/policy.ts";
import { readAwsSecret, type SecretReader } from "../runtime/aws-secret.ts";
import { Secret } from "../runtime/secret.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** Reads a webhook's address. Errors: SecretUnavailable, without the address in it. */
export async function readWebhook(
  { run }: PipelineContext,
  reference: SecretReference,
  readSecret: SecretReader = readAwsSecret,
): Promise<Secret> {
  switch (reference.from) {
    case "env": {
      const value = run.environment[reference.name];
      if (value !== undefined && value !== "") return new Secret(value.trim());
      throw new HoldfastError("SecretUnavailable", `environment variable ${reference.name} is not set`, {
        hint: `Set ${reference.name} to the webhook's address; cron passes none of your shell's variables on.`,
      });
    }
    case "file":
      return readWebhookFile(run, reference.path);
    case "secret":
      return new Secret((await readSecret(reference.id)).trim());
    case "service":
      // The policy's parser takes none of these for a webhook.
      throw new HoldfastError("SecretUnavailable", `service "${reference.name}" holds no webhook`);
  }
}

async function readWebhookFile(run: PipelineContext["run"], path: string): Promise<Secret> {
  try {
    if (((await stat(path)).mode & 0o004) !== 0) {
      run.log.warn(`file ${path} holds a webhook and everybody on this machine may read it`);
    }
    return new Secret((await readFile(path, "utf8")).trim());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HoldfastError("SecretUnavailable", `cannot read the webhook in file ${path}: ${code}`, {
      cause: error,
      hint: "Write the webhook's address into that file, readable by its owner only.",
    });
  }
}

/**
 * What the environment holds of the policy's secrets: whole connection strings, their passwords,
 * webhooks. For `redact`.
 */
export function secretsInEnvironment({ policy, run }: PipelineContext): readonly Secret[] {
  const sources = Object.values(policy.sources);
  const variables = new Set(sources.flatMap(({ traits }) => traits.secretVariables));
  const references = [
    ...sources.flatMap(({ secrets }) => secrets),
    ...Object.values(policy.alerts).flatMap((channels) =>
      channels.flatMap((each) => (each.type === "slack" ? [each.webhook] : [])),
    ),
  ];
  const values = references.flatMap((reference) => {
    const value = reference.from === "env" ? run.environment[reference.name]?.trim() : undefined;
    return value === undefined ? [] : [value, ...passwordsIn(value)];
  });
  const ofTools = [...variables].map((name) => run.environment[name] ?? "");
  return [...values, ...ofTools].filter((value) => value !== "").map((value) => new Secret(value));
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
