/** Asks Service Quotas what the account may have, and the services what it has already. */
import { DescribeInternetGatewaysCommand, DescribeVpcsCommand } from "@aws-sdk/client-ec2";
import { GetAccountSummaryCommand } from "@aws-sdk/client-iam";
import { paginateListKeys } from "@aws-sdk/client-kms";
import { GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand, type ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import type { PreflightClients } from "./clients.ts";
import type { Quota, QuotaName } from "./quotas.ts";

/**
 * The applied value, else AWS's default: "For some quotas, only the default values are available"
 * (API_GetServiceQuota). AWS documents quotas by name and their codes nowhere ("To find the quota
 * code for a specific quota, use the ListServiceQuotas operation"): the name in the answer says
 * whether it is about the right one. undefined: there is neither, or it is about another. Errors:
 * those of Service Quotas.
 */
export async function readQuota(
  { quotas, globalQuotas }: Pick<PreflightClients, "globalQuotas" | "quotas">,
  { service, code, global, named }: Quota,
): Promise<number | undefined> {
  const client: ServiceQuotasClient = global === true ? globalQuotas : quotas;
  const request = { ServiceCode: service, QuotaCode: code };
  for (const command of [new GetServiceQuotaCommand(request), new GetAWSDefaultServiceQuotaCommand(request)]) {
    try {
      const { Quota: quota } = await client.send(command as GetServiceQuotaCommand);
      return named.test(quota?.QuotaName ?? "") ? quota?.Value : undefined;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "NoSuchResourceException") throw error;
    }
  }
  return undefined;
}

type Used = Readonly<Partial<Record<QuotaName, number>>>;

/** What the account has of that which the stack makes. Errors: those of the services. */
export async function readUsed({ iam, ec2, kms }: Pick<PreflightClients, "ec2" | "iam" | "kms">): Promise<Used> {
  const summary = (await iam.send(new GetAccountSummaryCommand({}))).SummaryMap ?? {};
  let keys = 0;
  for await (const page of paginateListKeys({ client: kms }, {})) keys += page.Keys?.length ?? 0;
  return {
    roles: summary["Roles"] ?? 0,
    networks: (await ec2.send(new DescribeVpcsCommand({}))).Vpcs?.length ?? 0,
    gateways: (await ec2.send(new DescribeInternetGatewaysCommand({}))).InternetGateways?.length ?? 0,
    keys,
  };
}
