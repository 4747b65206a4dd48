/**
 * What the account's quotas must allow for this deployment, and what each shortage means. Pure.
 * Names and defaults: AWS General Reference, "Service endpoints and quotas", of each service; their
 * codes stand on no page of AWS's.
 */
import type { DeploymentFinding } from "../adoption/finding.ts";
import type { Deployment } from "../deployment.ts";

export interface Quota {
  /** Service Quotas' code of the service. */
  readonly service: string;
  readonly code: string;
  readonly name: string;
  /** What Service Quotas calls it: an answer about another one counts for nothing. */
  readonly named: RegExp;
  /** Quotas of a global service are answered for in one region alone. */
  readonly global?: true;
}

export const quotas = {
  concurrency: { service: "lambda", code: "L-B99A9384", name: "Lambda concurrent executions", named: /^concurrent executions$/i },
  fargate: {
    service: "fargate",
    code: "L-3032A538",
    name: "Fargate On-Demand vCPU resource count",
    named: /fargate on-demand vcpu/i,
  },
  builds: { service: "codebuild", code: "L-596BEAB4", name: "CodeBuild concurrent builds, ARM/Large", named: /arm.*large/i },
  roles: { service: "iam", code: "L-FE177D64", name: "IAM roles per account", named: /roles/i, global: true },
  networks: { service: "vpc", code: "L-F678F1CE", name: "VPCs per Region", named: /^vpcs per region$/i },
  gateways: { service: "vpc", code: "L-A4707A72", name: "Internet gateways per Region", named: /^internet gateways per region$/i },
  keys: { service: "kms", code: "L-C2F1777E", name: "KMS keys per Region", named: /keys/i },
} as const satisfies Readonly<Record<string, Quota>>;
export type QuotaName = keyof typeof quotas;

/** How many the deployment makes or runs, and below which value it cannot work at all. */
export interface Demand {
  readonly quota: QuotaName;
  /** In use already, of what is made; 0 for what only runs at times. */
  readonly used: number;
  /** Below it (with what is used) nothing works. */
  readonly least: number;
  /** Below it some wait for others. */
  readonly comfortable: number;
  /** What happens then. */
  readonly otherwise: string;
}

/** vCPU of one container (fargate.ts). */
const taskCpus = 4;
/** Backups that a verification reads at once (statemachines/definitions/verify.ts). */
const verifiedAtOnce = 10;
/** Beside the steps: what starts machines, records and alerts. */
const beside = 5;

/** `made`: resources of the template by their type. `used`: what the account has of them. */
export function demandsOf(
  { policy, image }: Deployment,
  made: ReadonlyMap<string, number>,
  used: Readonly<Partial<Record<QuotaName, number>>>,
): Demand[] {
  const busiest = sourcesAtOnce(policy.sources);
  const resource = (quota: QuotaName, type: string): Demand[] => {
    const count = made.get(type) ?? 0;
    const otherwise = `the stack makes ${count}; creation fails and is rolled back`;
    return count === 0 ? [] : [{ quota, used: used[quota] ?? 0, least: count, comfortable: count, otherwise }];
  };
  const containers: Demand[] = [
    {
      quota: "fargate",
      used: 0,
      least: taskCpus,
      comfortable: 2 * taskCpus,
      otherwise: `a container takes ${taskCpus}; those that do not fit wait, and a verification may ask for ${verifiedAtOnce} at once`,
    },
    { quota: "builds", used: 0, least: 0, comfortable: 1, otherwise: "the image cannot be built in CodeBuild" },
  ];
  return [
    {
      quota: "concurrency",
      used: 0,
      least: 2,
      comfortable: busiest + beside,
      otherwise: `${busiest} of the policy's backups begin at the same minute; those that do not fit wait up to hours`,
    },
    ...(image === "" ? [] : containers),
    ...resource("roles", "AWS::IAM::Role"),
    ...resource("networks", "AWS::EC2::VPC"),
    ...resource("gateways", "AWS::EC2::InternetGateway"),
    ...resource("keys", "AWS::KMS::Key"),
  ];
}

/** The most sources whose backups one cron expression starts. */
function sourcesAtOnce(sources: Deployment["policy"]["sources"]): number {
  const expressions = Object.values(sources).flatMap(({ schedules }) => Object.values(schedules));
  return Math.max(0, ...[...Map.groupBy(expressions, (cron) => cron).values()].map(({ length }) => length));
}

/** `value`: of the quota in this account; undefined: AWS does not say. */
export function judgeQuota(demand: Demand, value: number | undefined, region: string): DeploymentFinding {
  const { service, code, name, global } = quotas[demand.quota] as Quota;
  const finding = { about: `quotas in ${region}`, subject: name };
  if (value === undefined) {
    const remedy = `Look in the console: Service Quotas, ${service}, ${code}.`;
    return { ...finding, level: "warning", message: "not known: AWS does not say", remedy };
  }
  const { used, least, comfortable, otherwise } = demand;
  const now = used === 0 ? `${value}` : `${value}, of which ${used} are taken`;
  if (value >= used + comfortable) return { ...finding, level: "ok", message: now };
  const asked = used + comfortable;
  const where = global === true ? "us-east-1" : region;
  const command = `aws service-quotas request-service-quota-increase --region ${where} --service-code ${service} --quota-code ${code} --desired-value ${asked}`;
  const remedy = `Ask for ${asked} or more: ${command} (console: Service Quotas, ${service}, ${code}).`;
  return { ...finding, level: value < used + least ? "error" : "warning", message: `${now}: ${otherwise}`, remedy };
}
