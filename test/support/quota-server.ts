/**
 * Service Quotas as AWS documents it (API reference, GetServiceQuota and
 * GetAWSDefaultServiceQuota), on the loopback interface: the emulator has none.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface QuotaServer extends AsyncDisposable {
  readonly url: string;
  /** By code: what the account has been granted. `null`: AWS's default alone is known. */
  readonly applied: Map<string, number | null>;
  /** By code: what the answer calls the quota, where that is not what AWS does. */
  readonly renamed: Map<string, string>;
  /** What was asked, as `lambda L-B99A9384`. */
  readonly asked: string[];
}

/** As the console lists them. */
const awsNames: Readonly<Record<string, string>> = {
  "L-B99A9384": "Concurrent executions",
  "L-3032A538": "Fargate On-Demand vCPU resource count",
  "L-596BEAB4": "Concurrently running builds for ARM/Large environment",
  "L-FE177D64": "Roles per account",
  "L-F678F1CE": "VPCs per Region",
  "L-A4707A72": "Internet gateways per Region",
  "L-C2F1777E": "Customer Master Keys (CMKs)",
};

/** Of a code that is not in `applied`, everything: enough of it. */
const enough = 1_000_000;

export async function startQuotaServer(): Promise<QuotaServer> {
  const applied = new Map<string, number | null>();
  const asked: string[] = [];
  const renamed = new Map<string, string>();
  const server = createServer((request, response) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
      response.end(JSON.stringify(body));
    });
  });
  async function answer(request: IncomingMessage): Promise<[number, object]> {
    const { ServiceCode, QuotaCode } = (await json(request)) as { readonly ServiceCode: string; readonly QuotaCode: string };
    const value = applied.get(QuotaCode);
    const isDefault = request.headers["x-amz-target"] === "ServiceQuotasV20190624.GetAWSDefaultServiceQuota";
    if (!isDefault) asked.push(`${ServiceCode} ${QuotaCode}`);
    if (value === null && !isDefault)
      return [400, { __type: "NoSuchResourceException", message: "The specified resource does not exist." }];
    return [
      200,
      { Quota: { ServiceCode, QuotaCode, QuotaName: renamed.get(QuotaCode) ?? awsNames[QuotaCode], Value: value ?? enough } },
    ];
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    applied,
    renamed,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
