import type { RouteTable } from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { type FoundNetwork, judgeNetwork } from "../../../infra/preflight/network.ts";

const given = { subnets: ["subnet-a"], securityGroups: ["sg-a"] };
const services = ["s3", "kms"];
const table = (route: object, more: Partial<RouteTable> = {}): RouteTable => ({
  VpcId: "vpc-1",
  Associations: [{ Main: true }],
  Routes: [
    { DestinationCidrBlock: "10.0.0.0/16", GatewayId: "local" },
    { DestinationCidrBlock: "0.0.0.0/0", State: "active", ...route },
  ],
  ...more,
});
const nat = table({ NatGatewayId: "nat-1" });
const found: FoundNetwork = {
  subnets: [{ SubnetId: "subnet-a", VpcId: "vpc-1", AvailableIpAddressCount: 200 }],
  groups: [{ GroupId: "sg-a", VpcId: "vpc-1", IpPermissionsEgress: [{ IpProtocol: "-1" }] }],
  routeTables: [nat],
  endpoints: new Set(),
};
const judge = (change: Partial<FoundNetwork>): string[] =>
  judgeNetwork(given, { ...found, ...change }, services)
    .filter(({ level }) => level !== "ok")
    .map(({ level, subject, message }) => `${level} ${subject}: ${message}`);

describe("a network that is given", () => {
  it.each<[string, Partial<FoundNetwork>]>([
    ["a NAT gateway", {}],
    ["a transit gateway", { routeTables: [table({ TransitGatewayId: "tgw-1" })] }],
    [
      "a NAT gateway of its own table, whatever the VPC's is",
      {
        routeTables: [
          table({ GatewayId: "igw-1" }),
          table({ NatGatewayId: "nat-1" }, { Associations: [{ SubnetId: "subnet-a" }] }),
        ],
      },
    ],
    ["endpoints alone", { routeTables: [], endpoints: new Set(["s3", "kms", "sts"]) }],
  ])("gets out by %s", (_, change) => expect(judge(change)).toEqual([]));

  it.each<[string, Partial<FoundNetwork>, RegExp]>([
    [
      "an Internet gateway, which functions cannot use",
      { routeTables: [table({ GatewayId: "igw-1" })] },
      /^error subnet-a: .*Internet gateway/,
    ],
    [
      "a NAT gateway that is gone",
      { routeTables: [table({ NatGatewayId: "nat-1", State: "blackhole" })] },
      /no default route.*s3, kms$/,
    ],
    ["a table of another subnet", { routeTables: [{ ...nat, Associations: [{ SubnetId: "subnet-b" }] }] }, /no default route/],
    ["a table of another VPC", { routeTables: [{ ...nat, VpcId: "vpc-2" }] }, /no default route/],
    ["some of the endpoints", { routeTables: [], endpoints: new Set(["s3"]) }, /no endpoint of kms$/],
    [
      "a group that lets nothing out",
      { groups: [{ GroupId: "sg-a", VpcId: "vpc-1", IpPermissionsEgress: [] }] },
      /^error sg-a: lets nothing out/,
    ],
    ["a group of another VPC", { groups: [{ ...found.groups[0], VpcId: "vpc-2" }] }, /^error VPC: .* of 2 VPCs/],
    ["no such group", { groups: [] }, /^error sg-a: there is no such/],
    ["no such subnet", { subnets: [] }, /^error subnet-a: there is no such/],
    ["no free address", { subnets: [{ ...found.subnets[0], AvailableIpAddressCount: 0 }] }, /^error subnet-a: has 0 free/],
    ["few free addresses", { subnets: [{ ...found.subnets[0], AvailableIpAddressCount: 15 }] }, /^warning subnet-a: has 15 free/],
  ])("does not get out by %s", (_, change, line) => expect(judge(change)).toEqual([expect.stringMatching(line)]));
});
