/** Webhooks, read from where the policy says they stand. */
import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { SecretReference } from "../../policy/policy.ts";
import { readAwsSecret, type SecretReader } from "../../runtime/aws-secret.ts";
import { Secret } from "../../runtime/secret.ts";
import type { PipelineContext } from "../pipeline-context.ts";

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
