/**
 * The network of what runs code of a backup: what it can reach, by its routes, groups, endpoints
 * and names.
 */
import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { fargateResources } from "../../infra/fargate.ts";
import { functionRoles } from "../../infra/function-roles.ts";
import { serverlessFunctions } from "../../infra/functions.ts";
import { networkConfiguration, provingConfiguration } from "../../infra/network.ts";
import { provingNetwork, provingOutputs } from "../../infra/proving-network.ts";
import { vaultResources } from "../../infra/vault.ts";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { deploy, samplePolicyText, withSources } from "./deployments.ts";
import { namesOf, propertiesOf, readStatements, type Statement, statementsOf, type Template } from "./template-model.ts";

const account = "123456789012";
const given = { provingSubnets: "subnet-1,subnet-2", provingSecurityGroups: "sg-1" };

function templateOf(text = samplePolicyText, parameters = {}): Template {
  const deployment = deploy(text, parameters);
  const topics = ["CriticalTopic", "WarningTopic", "InfoTopic"].map((name) => [name, { Type: "AWS::SNS::Topic" }]);
  const more = { AlertsKey: { Type: "AWS::KMS::Key" }, AlertQueue: { Type: "AWS::SQS::Queue" } };
  const own = { ...vaultResources(deployment), ...functionRoles(deployment), ...fargateResources(deployment) };
  return { Resources: { ...own, ...Object.fromEntries(topics), ...more } } as Template;
}

const template = templateOf();
const serviceOf = (name: string): string =>
  String(propertiesOf(template, name)["ServiceName"]).replace("com.amazonaws.eu-central-1.", "");
const endpoints = new Map(
  namesOf(template, "AWS::EC2::VPCEndpoint").map((name) => [serviceOf(name), propertiesOf(template, name)]),
);
const policyOf = (service: string): readonly Statement[] => readStatements(template, endpoints.get(service)?.["PolicyDocument"]);

describe("the network of restore tests", () => {
  it("has no route but its own range and S3, and no gateway, NAT, address, peering or port that listens", () => {
    const made = Object.values(provingNetwork(deploy()));
    const kinds = [...new Set(made.map(({ Type }) => Type))].sort();
    expect(kinds).toEqual([
      "AWS::EC2::RouteTable",
      "AWS::EC2::SecurityGroup",
      "AWS::EC2::Subnet",
      "AWS::EC2::SubnetRouteTableAssociation",
      "AWS::EC2::VPC",
      "AWS::EC2::VPCEndpoint",
      "AWS::Route53Resolver::FirewallDomainList",
      "AWS::Route53Resolver::FirewallRuleGroup",
      "AWS::Route53Resolver::FirewallRuleGroupAssociation",
    ]);
    expect(JSON.stringify(made)).not.toMatch(/"Ref":"(?:Routes|Gateway|Network|TaskGroup|SubnetA|SubnetB)"/);
    expect(propertiesOf(template, "ProvingSubnet1")).toMatchObject({ MapPublicIpOnLaunch: false });
    // Routes name the other table alone.
    const routed = namesOf(template, "AWS::EC2::Route").map((name) => propertiesOf(template, name)["RouteTableId"]);
    expect(routed).toEqual(["Routes"]);
  });

  it.each([
    ["", { CidrIp: "0.0.0.0/0" }],
    ["pl-6ea54007", { DestinationPrefixListId: "pl-6ea54007" }],
  ])("lets its members call endpoints and S3 on port 443, and nobody call them (list %s)", (s3PrefixList, toS3) => {
    const { SecurityGroupEgress: rules, SecurityGroupIngress } = propertiesOf(
      templateOf(undefined, { s3PrefixList }),
      "ProvingGroup",
    ) as {
      SecurityGroupEgress: readonly Record<string, unknown>[];
      SecurityGroupIngress?: unknown;
    };
    expect(SecurityGroupIngress).toBeUndefined();
    const https = { IpProtocol: "tcp", FromPort: 443, ToPort: 443 };
    expect(rules.map(({ Description, ...rule }) => rule)).toEqual([
      { ...https, DestinationSecurityGroupId: "ProvingEndpointsGroup" },
      { ...https, ...toS3 },
    ]);
  });

  it("looks up the names of the services that it has endpoints for, and no other name", () => {
    const { FirewallRules } = propertiesOf(template, "ProvingNameRules");
    expect(FirewallRules).toEqual([
      {
        Priority: 1,
        Action: "ALLOW",
        FirewallDomainListId: "ProvingNames",
        FirewallDomainRedirectionAction: "TRUST_REDIRECTION_DOMAIN",
      },
      { Priority: 2, Action: "BLOCK", BlockResponse: "NXDOMAIN", FirewallDomainListId: "ProvingOtherNames" },
    ]);
    expect(propertiesOf(template, "ProvingOtherNames")["Domains"]).toEqual(["*"]);
    expect(propertiesOf(template, "ProvingNameFirewall")).toMatchObject({ VpcId: "ProvingNetwork", Priority: 101 });
    const domains = propertiesOf(template, "ProvingNames")["Domains"] as string[];
    // A name of ECR's endpoints is the service's turned round: api.ecr, and the account's own
    // registry.
    const names = [...endpoints.keys()].map((service) =>
      service.replace("ecr.api", "api.ecr").replace("ecr.dkr", `${account}.dkr.ecr`),
    );
    expect(domains.toSorted()).toEqual([...names, "*.s3"].map((name) => `${name}.eu-central-1.amazonaws.com`).toSorted());
  });

  it("has an endpoint for each service that the bundled code has a client of and its role may call, and for what starts a container", async () => {
    const clients = await clientsIn("functions/prove.ts", "functions/fargate.ts");
    const services: Readonly<Record<string, string>> = { "secrets-manager": "secretsmanager", sfn: "states" };
    const called = clients.map((client) => services[client] ?? client);
    const roles = statementsOf(template, "ProveTaskmasterRole");
    const granted = new Set(
      roles.filter(({ Effect }) => Effect === "Allow").flatMap(({ Action }) => Action.map((each) => each.split(":")[0])),
    );
    const used = called.filter((service) => granted.has(service));
    // The sealing library brings a store of branch keys, which nothing here opens; and steps that
    // share their files with the command line bring its alerts.
    expect(called.filter((service) => !granted.has(service))).toEqual(["dynamodb", "sns"]);
    const platform = ["ecr.api", "ecr.dkr", "logs"];
    expect([...endpoints.keys()].sort()).toEqual([...used, ...platform].sort());
    // What else the role may do is done by Lambda itself: it connects the function, writes its log,
    // and hands traces on.
    expect([...granted].filter((service) => !used.includes(service ?? "")).sort()).toEqual(["ec2", "logs", "xray"]);
  });

  it("has endpoints that answer requests of this account alone, for this account's resources; anyone may read the image's layers", () => {
    for (const service of endpoints.keys()) {
      const statements = policyOf(service);
      expect(statements.length, service).toBeGreaterThan(0);
      for (const { Effect, Action, Resource, Condition } of statements) {
        expect(Effect).toBe("Allow");
        expect(
          Action.every((action) => /^[a-z0-9]+:[A-Z]\w+$/.test(action)),
          String(Action),
        ).toBe(true);
        if (String(Resource) === "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*") {
          expect(Action).toEqual(["s3:GetObject"]);
          continue;
        }
        expect(Condition, service).toEqual({ StringEquals: { "aws:PrincipalAccount": [account] } });
        const withoutResource = [
          "ecr:GetAuthorizationToken",
          "states:SendTaskSuccess",
          "states:SendTaskFailure",
          "states:SendTaskHeartbeat",
        ];
        if (Resource.includes("*")) expect(withoutResource).toEqual(expect.arrayContaining([...Action]));
        const ours = service === "s3" ? /^arn:aws:s3:::acme-backups(?:-state)?(?:\/\*)?$/ : new RegExp(`:${account}:|^\\*$`);
        for (const resource of Resource) expect(resource, service).toMatch(ours);
      }
    }
  });

  it.each([
    ["the sample", samplePolicyText, {}],
    ["a vault that exists", samplePolicyText, { vault: "existing" }],
    ["many sources", withSources(Array.from({ length: 22 }, (_, index) => `more-${index}`)), {}],
  ])("lets through what the roles of `prove-…` may do, in a policy that is not too long: %s", (_, text, parameters) => {
    const own = templateOf(text, parameters);
    for (const name of namesOf(own, "AWS::EC2::VPCEndpoint")) {
      const { ServiceName, PolicyDocument } = propertiesOf(own, name);
      // Amazon VPC user guide, "Control access to VPC endpoints using endpoint policies".
      expect(JSON.stringify(PolicyDocument).length, name).toBeLessThan(20_480);
      const service = String(ServiceName).split(".").at(3);
      const roles = namesOf(own, "AWS::IAM::Role").filter((role) => /^Prove.*Role$/.test(role));
      const rights = roles.flatMap((role) => statementsOf(own, role)).filter(({ Effect }) => Effect === "Allow");
      const through = readStatements(own, PolicyDocument);
      const passes = (action: string, resource: string): boolean =>
        through.some(({ Action, Resource }) => Action.includes(action) && Resource.some((each) => covers(each, resource)));
      // S3 itself uses the key that encrypts a bucket, and Lambda itself writes a function's log.
      for (const { Action, Resource, Sid } of rights)
        for (const action of Action.filter((each) => each.startsWith(`${service}:`)))
          for (const resource of Resource)
            if (!isOfAnother(service, own, resource, Sid)) expect(passes(action, resource), `${action} on ${resource}`).toBe(true);
    }
  });

  it("is in as many zones as asked for, and each endpoint with it", () => {
    const two = templateOf(undefined, { provingZones: "eu-central-1a, eu-central-1b" });
    expect(namesOf(two, "AWS::EC2::Subnet").filter((name) => name.startsWith("Proving"))).toEqual([
      "ProvingSubnet1",
      "ProvingSubnet2",
    ]);
    expect(propertiesOf(two, "ProvingSubnet2")).toMatchObject({ AvailabilityZone: "eu-central-1b", CidrBlock: "10.88.1.0/24" });
    expect(propertiesOf(two, "ProvingKmsEndpoint")["SubnetIds"]).toEqual(["ProvingSubnet1", "ProvingSubnet2"]);
  });

  it("can be another stage's: its outputs are the parameters", () => {
    const outputs = provingOutputs(deploy());
    expect(Object.keys(outputs).map((name) => name.replace("P", "p"))).toEqual(Object.keys(given));
    const deployment = deploy(undefined, given);
    expect(provingNetwork(deployment)).toEqual({});
    expect(provingOutputs(deployment)).toEqual({});
    expect(provingConfiguration(deployment)).toEqual({
      Subnets: ["subnet-1", "subnet-2"],
      SecurityGroups: ["sg-1"],
      AssignPublicIp: "DISABLED",
    });
    // Another stage's policy and log are let through as its own are.
    expect(policyOf("secretsmanager")[0]?.Resource).toEqual([
      `arn:aws:secretsmanager:eu-central-1:${account}:secret:holdfast-*/policy-??????`,
    ]);
  });

  it("is the open Internet where that was asked for: then nothing is made, and all run where dumps do", () => {
    const deployment = deploy(undefined, { proving: "open" });
    expect(provingNetwork(deployment)).toEqual({});
    expect(provingConfiguration(deployment)).toEqual(networkConfiguration(deployment));
    const functions = serverlessFunctions(deployment) as Record<string, { vpc?: unknown }>;
    expect(functions["prove-taskmaster"]?.vpc).toBeUndefined();
    expect(serverlessFunctions(deploy())["prove-taskmaster"]).toHaveProperty("vpc");
  });

  const elsewhere = samplePolicyText.replace("bucket: acme-backups\n", "bucket: acme-backups\n    region: eu-west-1\n");
  const otherKey = samplePolicyText.replace(
    /main: \{ type: kms.*\}/,
    `main: { type: kms, keyId: "arn:aws:kms:us-east-1:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab", signing: { key: alias/acme-signing } }`,
  );
  it.each([
    ["another word", {}, { proving: "closed" }, /parameter proving is "closed"/],
    ["an open network that is given", {}, { ...given, proving: "open" }, /proving=open asks for none/],
    ["subnets without groups", {}, { provingSubnets: "subnet-1" }, /provingSubnets and provingSecurityGroups go together/],
    ["a zone of another region", {}, { provingZones: "us-east-1a" }, /"us-east-1a" is not one of eu-central-1/],
    ["a region for a zone", {}, { provingZones: "eu-central-1" }, /is not one of eu-central-1/],
    ["a zone twice", {}, { provingZones: "eu-central-1a,eu-central-1a" }, /named twice/],
    ["five zones", {}, { provingZones: "a,b,c,d,e".replaceAll(/\w/g, "eu-central-1$&") }, /5 availability zones/],
    ["a list that is none", {}, { s3PrefixList: "com.amazonaws.eu-central-1.s3" }, /parameter s3PrefixList/],
    ["a vault in another region", { text: elsewhere }, { vault: "existing" }, /cannot reach other regions/],
    ["a key in another region", { text: otherKey }, {}, /cannot reach other regions/],
  ])("refuses %s", (_, { text = samplePolicyText }: { text?: string }, parameters, message) => {
    expect(() => deploy(text, parameters)).toThrow(expect.objectContaining({ message: expect.stringMatching(message) }));
  });
});

/** `*` at an end, as endpoint policies and rights have it here. */
function covers(pattern: string, resource: string): boolean {
  if (pattern === resource || pattern === "*") return true;
  const escaped = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("?", ".")
    .replaceAll("*", ".*");
  return new RegExp(`^${escaped}$`).test(resource);
}

function isOfAnother(service: string | undefined, own: Template, resource: string, sid: string | undefined): boolean {
  const storage = namesOf(own, "AWS::KMS::Key").filter((name) => name.startsWith("StorageKey"));
  if (service === "kms")
    return storage.some((name) => resource.endsWith(`/${name}`)) || sid?.startsWith("KeyIsKnownByItsAlias") === true;
  return service === "logs" && resource.includes("/holdfast-dev/sources:");
}

/** The clients of AWS's services in bundles, by their packages' names. */
async function clientsIn(...entries: readonly string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: entries.map((entry) => join(projectDirectory, entry)),
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    outdir: "out",
    logLevel: "error",
  });
  const packages = Object.keys(metafile.inputs).flatMap((file) => /@aws-sdk\/client-([a-z0-9-]+)\//.exec(file)?.[1] ?? []);
  return [...new Set(packages)].sort();
}
