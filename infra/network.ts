/**
 * Where things run: in the network that the deployment names, or in a small one of the stack's own.
 */
import type { Deployment } from "./deployment.ts";
import { provingConnection } from "./proving-network.ts";
import { allowWithoutResource, ownArn, type Resource, type Resources, ref, type Statement } from "./template.ts";

/**
 * How a container that reaches sources is connected; the strings and references that their
 * definitions take.
 */
export function networkConfiguration({ network }: Deployment) {
  if (network !== undefined)
    return { Subnets: network.subnets, SecurityGroups: network.securityGroups, AssignPublicIp: "DISABLED" };
  return { Subnets: [ref("SubnetA"), ref("SubnetB")], SecurityGroups: [ref("TaskGroup")], AssignPublicIp: "ENABLED" };
}

/** How a container that proves backups is connected. */
export function provingConfiguration(deployment: Deployment) {
  const connection = provingConnection(deployment);
  if (connection === undefined) return networkConfiguration(deployment);
  return { Subnets: connection.subnets, SecurityGroups: connection.securityGroups, AssignPublicIp: "DISABLED" };
}

/**
 * Whom a function talks to beside AWS: sources, nobody because it runs code of a backup, or nobody
 * for it has no need to.
 */
export type Reach = "sources" | "proofs" | undefined;

function connectionOf(deployment: Deployment, reach: Reach) {
  if (reach === "sources") return deployment.network;
  return reach === "proofs" ? provingConnection(deployment) : undefined;
}

/** The `vpc` of a function; none: Lambda's own way to the Internet. */
export function functionNetwork(deployment: Deployment, reach: Reach): Readonly<Record<string, unknown>> {
  const connection = connectionOf(deployment, reach);
  return connection === undefined ? {} : { vpc: { subnetIds: connection.subnets, securityGroupIds: connection.securityGroups } };
}

const interfaces = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

/**
 * What Lambda itself does in the function's role to connect it (as
 * AWSLambdaVPCAccessExecutionRole), and the function's own code may not (Lambda developer guide,
 * "Giving Lambda functions access to resources in a VPC").
 */
export function networkRights(deployment: Deployment, reach: Reach, name: string): readonly Statement[] {
  if (connectionOf(deployment, reach) === undefined) return [];
  return [
    allowWithoutResource("LambdaConnectsItAndTakesNoResource", interfaces),
    {
      Sid: "ItsCodeDoesNot",
      Effect: "Deny",
      Action: interfaces,
      Resource: ["*"],
      Condition: { ArnEquals: { "lambda:SourceFunctionArn": [ownArn("lambda", `function:${name}`)] } },
    },
  ];
}

/**
 * Two public subnets without a NAT gateway, which would cost more than everything else here;
 * nothing listens in them.
 */
export function ownNetwork(): Resources {
  const subnet = (cidr: string, zone: number): Resource => ({
    Type: "AWS::EC2::Subnet",
    Properties: { VpcId: ref("Network"), CidrBlock: cidr, AvailabilityZone: { "Fn::Select": [zone, { "Fn::GetAZs": "" }] } },
  });
  const routed = (name: string): Resource => ({
    Type: "AWS::EC2::SubnetRouteTableAssociation",
    Properties: { SubnetId: ref(name), RouteTableId: ref("Routes") },
  });
  return {
    Network: { Type: "AWS::EC2::VPC", Properties: { CidrBlock: "10.87.0.0/24", EnableDnsHostnames: true, EnableDnsSupport: true } },
    Gateway: { Type: "AWS::EC2::InternetGateway" },
    GatewayAttachment: {
      Type: "AWS::EC2::VPCGatewayAttachment",
      Properties: { VpcId: ref("Network"), InternetGatewayId: ref("Gateway") },
    },
    Routes: { Type: "AWS::EC2::RouteTable", Properties: { VpcId: ref("Network") } },
    WayOut: {
      Type: "AWS::EC2::Route",
      DependsOn: ["GatewayAttachment"],
      Properties: { RouteTableId: ref("Routes"), DestinationCidrBlock: "0.0.0.0/0", GatewayId: ref("Gateway") },
    },
    SubnetA: subnet("10.87.0.0/25", 0),
    SubnetB: subnet("10.87.0.128/25", 1),
    SubnetARoute: routed("SubnetA"),
    SubnetBRoute: routed("SubnetB"),
    TaskGroup: {
      Type: "AWS::EC2::SecurityGroup",
      Properties: {
        GroupDescription: "Holdfast tasks: out to sources and AWS, nothing in",
        VpcId: ref("Network"),
        SecurityGroupEgress: [
          { IpProtocol: "tcp", FromPort: 1, ToPort: 65_535, CidrIp: "0.0.0.0/0", Description: "Sources and AWS" },
        ],
      },
    },
  };
}
