/**
 * Where the functions and containers `prove-…` run. Code that comes with a backup runs in them, so
 * their network has no way out: no gateway to the Internet, no NAT, endpoints of AWS's services
 * that take this account's own requests alone, and names of these services alone
 * (docs/adr/0023-a-network-without-a-way-out.md).
 */
import { type Deployment, type IsolatedNetwork, maxZones } from "./deployment.ts";
import { provingEndpoints } from "./proving-endpoints.ts";
import { type Resource, type Resources, ref, sub } from "./template.ts";

/**
 * A network of the stack's own. It is joined to no other one; a deployment may use the same range
 * elsewhere.
 */
const networkRange = "10.88.0.0/22";
/** A range for each zone; every container takes an address. */
const zoneRanges = Array.from({ length: maxZones }, (_, index) => `10.88.${index}.0/24`);

/**
 * The names that may be asked for, before the partition's suffix. S3's buckets, and ECR's own of
 * layers, are names of S3's.
 */
const names = ["kms", "secretsmanager", "states", "logs", "api.ecr", "s3", "*.s3"].map(
  (service) => `${service}.\${AWS::Region}.\${AWS::URLSuffix}`,
);
const registry = `\${AWS::AccountId}.dkr.ecr.\${AWS::Region}.\${AWS::URLSuffix}`;

/** DNS Firewall takes rule groups of an account from 101 on. */
const firstPriority = 101;

interface Connection {
  readonly subnets: readonly unknown[];
  readonly securityGroups: readonly unknown[];
}

/** Subnets and groups of `prove-…`; undefined: they run where everything else does. */
export function provingConnection({ proving }: Deployment): Connection | undefined {
  if (proving.kind === "open") return undefined;
  if (proving.kind === "given") return proving;
  return { subnets: subnetNames(proving).map(ref), securityGroups: [ref("ProvingGroup")] };
}

const subnetNames = ({ zones }: IsolatedNetwork): string[] =>
  Array.from({ length: Math.max(zones.length, 1) }, (_, index) => `ProvingSubnet${index + 1}`);

/** The network, where the stack makes one. */
export function provingNetwork(deployment: Deployment): Resources {
  const { proving } = deployment;
  if (proving.kind !== "isolated") return {};
  const subnets = subnetNames(proving);
  return {
    ProvingNetwork: {
      Type: "AWS::EC2::VPC",
      Properties: { CidrBlock: networkRange, EnableDnsHostnames: true, EnableDnsSupport: true },
    },
    // It has the network's own range and, by its endpoint, S3: no other route is ever added.
    ProvingRoutes: { Type: "AWS::EC2::RouteTable", Properties: { VpcId: ref("ProvingNetwork") } },
    ...Object.fromEntries(subnets.flatMap((name, index) => subnetResources(name, index, proving))),
    ...provingGroups(proving),
    ...provingEndpoints(deployment, subnets),
    ...(deployment.local ? {} : nameFirewall(deployment)),
  };
}

/**
 * What another stage needs to use this network:
 * `--param=provingSubnets=… --param=provingSecurityGroups=…`.
 */
export function provingOutputs({ proving }: Deployment): Readonly<Record<string, unknown>> {
  if (proving.kind !== "isolated") return {};
  const joined = { "Fn::Join": [",", subnetNames(proving).map(ref)] };
  return {
    ProvingSubnets: { Description: "For provingSubnets of further stages", Value: joined },
    ProvingSecurityGroups: { Description: "For provingSecurityGroups of further stages", Value: ref("ProvingGroup") },
  };
}

function subnetResources(name: string, index: number, { zones }: IsolatedNetwork): [string, Resource][] {
  const zone = zones[index] ?? { "Fn::Select": [index, { "Fn::GetAZs": "" }] };
  const properties = { VpcId: ref("ProvingNetwork"), CidrBlock: zoneRanges[index], AvailabilityZone: zone };
  return [
    [name, { Type: "AWS::EC2::Subnet", Properties: { ...properties, MapPublicIpOnLaunch: false } }],
    [
      `${name}Route`,
      {
        Type: "AWS::EC2::SubnetRouteTableAssociation",
        Properties: { SubnetId: ref(name), RouteTableId: ref("ProvingRoutes") },
      },
    ],
  ];
}

/**
 * Out to the endpoints and to S3 alone. CloudFormation cannot look up the list of S3's addresses:
 * without its id, the rule names all addresses, and the network has a route to S3's alone.
 */
function provingGroups({ s3PrefixList }: IsolatedNetwork): Resources {
  const https = { IpProtocol: "tcp", FromPort: 443, ToPort: 443 };
  const toS3 = s3PrefixList === undefined ? { CidrIp: "0.0.0.0/0" } : { DestinationPrefixListId: s3PrefixList };
  const group = (GroupDescription: string, rules: object): Resource => ({
    Type: "AWS::EC2::SecurityGroup",
    Properties: { GroupDescription, VpcId: ref("ProvingNetwork"), ...rules },
  });
  return {
    ProvingEndpointsGroup: group("Holdfast: endpoints that proofs may call", {
      SecurityGroupIngress: [{ ...https, CidrIp: networkRange, Description: "Proofs" }],
    }),
    ProvingGroup: group("Holdfast: proofs, which run code that comes with a backup", {
      SecurityGroupEgress: [
        { ...https, DestinationSecurityGroupId: ref("ProvingEndpointsGroup"), Description: "Endpoints of AWS services" },
        { ...https, ...toS3, Description: "S3, by its gateway endpoint" },
      ],
    }),
  };
}

/**
 * A network's resolver answers whatever its security groups say, and asks anyone's name server: a
 * name is a way to send data. So it looks up AWS's names alone. What these are redirected to are
 * AWS's own names as well.
 */
function nameFirewall({ prefix }: Deployment): Resources {
  const list = (what: string, domains: readonly unknown[]): Resource => ({
    Type: "AWS::Route53Resolver::FirewallDomainList",
    Properties: { Name: `${prefix}-${what}`, Domains: domains },
  });
  return {
    ProvingNames: list("proving-names", [...names, registry].map(sub)),
    ProvingOtherNames: list("proving-other-names", ["*"]),
    ProvingNameRules: {
      Type: "AWS::Route53Resolver::FirewallRuleGroup",
      Properties: {
        Name: `${prefix}-proving`,
        FirewallRules: [
          {
            Priority: 1,
            Action: "ALLOW",
            FirewallDomainListId: ref("ProvingNames"),
            FirewallDomainRedirectionAction: "TRUST_REDIRECTION_DOMAIN",
          },
          { Priority: 2, Action: "BLOCK", BlockResponse: "NXDOMAIN", FirewallDomainListId: ref("ProvingOtherNames") },
        ],
      },
    },
    ProvingNameFirewall: {
      Type: "AWS::Route53Resolver::FirewallRuleGroupAssociation",
      Properties: { FirewallRuleGroupId: ref("ProvingNameRules"), VpcId: ref("ProvingNetwork"), Priority: firstPriority },
    },
  };
}
