/**
 * Whether functions in the given subnets get out of them: to sources, and to the services of AWS
 * that a backup needs (docs/network.md, "In a VPC"). What lies behind a route is not seen.
 */
import {
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type RouteTable,
  type SecurityGroup,
  type Subnet,
} from "@aws-sdk/client-ec2";
import type { DeploymentFinding } from "../adoption/finding.ts";
import type { PreflightClients } from "./clients.ts";

export interface GivenNetwork {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
}

/** The network as EC2 describes it. */
export interface FoundNetwork {
  readonly subnets: readonly Subnet[];
  readonly groups: readonly SecurityGroup[];
  readonly routeTables: readonly RouteTable[];
  /** The last parts of the names of services with an endpoint: `s3`, `kms`, `ecr.api`. */
  readonly endpoints: ReadonlySet<string>;
}

/** Errors: those of EC2; what is not there is left out. */
export async function findNetwork(
  { ec2 }: Pick<PreflightClients, "ec2">,
  given: GivenNetwork,
  region: string,
): Promise<FoundNetwork> {
  // By filters, which leave out what is not there; by ids, EC2 answers nothing for any of them.
  const byIds = (name: string, ids: readonly string[]) => ({ Filters: [{ Name: name, Values: [...ids] }] });
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand(byIds("subnet-id", given.subnets)));
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand(byIds("group-id", given.securityGroups)));
  // Servers that speak EC2's protocol and do not know this filter answer with every group.
  const groups = SecurityGroups.filter(({ GroupId = "" }) => given.securityGroups.includes(GroupId));
  const networks = [...new Set(Subnets.flatMap(({ VpcId }) => VpcId ?? []))];
  if (networks.length === 0) return { subnets: [], groups, routeTables: [], endpoints: new Set() };
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand(byIds("vpc-id", networks)));
  const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand(byIds("vpc-id", networks)));
  const start = `com.amazonaws.${region}.`;
  const endpoints = VpcEndpoints.flatMap(({ ServiceName = "" }) =>
    ServiceName.startsWith(start) ? [ServiceName.slice(start.length)] : [],
  );
  return { subnets: Subnets, groups, routeTables: RouteTables, endpoints: new Set(endpoints) };
}

/** Fewer free addresses than that run out at a busy minute. */
const fewAddresses = 16;

/**
 * What of the given network is missing, leads nowhere or is narrow. Pure. `services`: of AWS, that
 * must be reached where there is no way out.
 */
export function judgeNetwork(given: GivenNetwork, found: FoundNetwork, services: readonly string[]): DeploymentFinding[] {
  const about = "network of the sources";
  const problem = (subject: string, message: string, remedy: string): DeploymentFinding => ({
    about,
    level: "error",
    subject,
    message,
    remedy,
  });
  const networks = new Set([...found.subnets, ...found.groups].map(({ VpcId }) => VpcId));
  const findings = [
    ...given.subnets
      .filter((id) => found.subnets.every(({ SubnetId }) => SubnetId !== id))
      .map((id) => problem(id, "there is no such subnet in this account and region", "Correct --param=subnets=….")),
    ...given.securityGroups
      .filter((id) => found.groups.every(({ GroupId }) => GroupId !== id))
      .map((id) => problem(id, "there is no such security group in this account and region", "Correct --param=securityGroups=….")),
    ...(networks.size > 1
      ? [
          problem(
            "VPC",
            `subnets and groups are of ${networks.size} VPCs: ${[...networks].join(", ")}`,
            "Name subnets and groups of one VPC.",
          ),
        ]
      : []),
    ...found.groups
      .filter((group) => (group.IpPermissionsEgress ?? []).length === 0)
      .map(({ GroupId = "" }) =>
        problem(
          GroupId,
          "lets nothing out",
          `aws ec2 authorize-security-group-egress --group-id ${GroupId} --protocol all --cidr 0.0.0.0/0`,
        ),
      ),
    ...found.subnets.flatMap((subnet) => judgeSubnet(subnet, found, services)).map((finding) => ({ about, ...finding })),
  ];
  if (findings.length > 0) return findings;
  return [
    {
      about,
      level: "ok",
      subject: "network",
      message: "subnets and groups of one VPC, with a way to AWS; what lies behind its routes is not seen",
    },
  ];
}

type Judged = Omit<DeploymentFinding, "about">;

function judgeSubnet(subnet: Subnet, { routeTables, endpoints }: FoundNetwork, services: readonly string[]): Judged[] {
  const { SubnetId: subject = "", AvailableIpAddressCount: free = fewAddresses } = subnet;
  const findings: Judged[] = [];
  if (free < fewAddresses) {
    const remedy = "Name a larger subnet: every run takes an address.";
    findings.push({ level: free === 0 ? "error" : "warning", subject, message: `has ${free} free addresses`, remedy });
  }
  const way = wayOut(routeTableOf(subnet, routeTables));
  if (way === "gateway") {
    const message = "leads to the Internet by an Internet gateway, which functions cannot use: they have no public address";
    const remedy = "Name a private subnet, whose default route is a NAT gateway.";
    findings.push({ level: "error", subject, message, remedy });
  }
  const missing = services.filter((service) => !endpoints.has(service));
  if (way === undefined && missing.length > 0) {
    const message = `has no default route, and its VPC no endpoint of ${missing.join(", ")}`;
    const remedy = 'Route it to a NAT gateway, or make the endpoints: docs/network.md, "In a VPC".';
    findings.push({ level: "error", subject, message, remedy });
  }
  return findings;
}

/** A subnet without a table of its own has its VPC's. */
function routeTableOf({ SubnetId, VpcId }: Subnet, tables: readonly RouteTable[]): RouteTable | undefined {
  const own = tables.find(({ Associations = [] }) => Associations.some((each) => each.SubnetId === SubnetId));
  return own ?? tables.find((table) => table.VpcId === VpcId && table.Associations?.some(({ Main }) => Main === true) === true);
}

/** Where the default route leads; a route that leads nowhere any longer (`blackhole`) is none. */
function wayOut(table: RouteTable | undefined): "gateway" | "other" | undefined {
  const route = table?.Routes?.find(
    ({ DestinationCidrBlock, State }) => DestinationCidrBlock === "0.0.0.0/0" && State !== "blackhole",
  );
  if (route === undefined) return undefined;
  return route.GatewayId?.startsWith("igw-") === true ? "gateway" : "other";
}
