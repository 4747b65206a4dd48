/**
 * The AWS services that are asked before a deployment, in its region, as the person who deploys.
 */
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { Account } from "./resolve-template.ts";

export interface AccountClients extends Disposable {
  readonly kms: KMSClient;
  readonly s3: S3Client;
  readonly sts: STSClient;
}

/** As the environment and the profile say. Sends nothing yet. */
export function openClients(region: string): AccountClients {
  const settings = { region, maxAttempts: 5 };
  const clients = {
    kms: new KMSClient(settings),
    // The address of an emulator has no names below it.
    s3: new S3Client({ ...settings, forcePathStyle: process.env["AWS_ENDPOINT_URL"] !== undefined }),
    sts: new STSClient(settings),
  };
  const close = (): void => {
    for (const client of Object.values(clients)) client.destroy();
  };
  return { ...clients, [Symbol.dispose]: close };
}

/** Whose credentials these are. Errors: StackAccessDenied. */
export async function findAccount({ sts }: Pick<AccountClients, "sts">, region: string): Promise<Account> {
  try {
    const { Account: id = "", Arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
    return { id, partition: Arn.split(":")[1] ?? "aws", region };
  } catch (error) {
    throw new HoldfastError("StackAccessDenied", "AWS does not say whose credentials these are", {
      cause: error,
      details: [error instanceof Error ? `${error.name}: ${error.message}` : String(error)],
      hint: "Sign in (`aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    });
  }
}
