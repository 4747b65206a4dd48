/** The AWS services that a preflight asks, as the person who deploys. */
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EC2Client } from "@aws-sdk/client-ec2";
import { ECRClient } from "@aws-sdk/client-ecr";
import { IAMClient } from "@aws-sdk/client-iam";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import { type AccountClients, openClients } from "../adoption/clients.ts";

export type PreflightClients = AccountClients & ReturnType<typeof more>;

/** Where the quotas of IAM are answered for (Service Quotas user guide, global quotas). */
const globalRegion = "us-east-1";

/** As the environment and the profile say. Sends nothing yet. */
export function openPreflight(region: string): PreflightClients {
  const account = openClients(region);
  const added = more(region);
  const close = (): void => {
    account[Symbol.dispose]();
    for (const client of Object.values(added)) client.destroy();
  };
  return { ...account, ...added, [Symbol.dispose]: close };
}

function more(region: string) {
  const settings = { region, maxAttempts: 5 };
  return {
    cloudFormation: new CloudFormationClient(settings),
    ec2: new EC2Client(settings),
    ecr: new ECRClient(settings),
    globalQuotas: new ServiceQuotasClient({ ...settings, region: globalRegion }),
    iam: new IAMClient(settings),
    logs: new CloudWatchLogsClient(settings),
    quotas: new ServiceQuotasClient(settings),
    secrets: new SecretsManagerClient(settings),
    sfn: new SFNClient(settings),
    sns: new SNSClient(settings),
  };
}
