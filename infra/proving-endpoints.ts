/**
 * What the functions and containers `prove-…` may call from a network without a way out, and what
 * each endpoint lets through. An endpoint with an open policy is a way out: code could call the
 * service with credentials of somebody else's account.
 */
import { bucketsOf, type Deployment, imageRepository, sealingKeysOf } from "./deployment.ts";
import { checkSignatures } from "./key-rights.ts";
import { bucketArns, proveBackups, statesOf } from "./rights.ts";
import { stateBucketArn } from "./state-buckets.ts";
import { allow, ownArn, type Resource, type Resources, ref, type Statement, sub } from "./template.ts";
import { hasContainers } from "./tools.ts";
import { sealingKeyArn } from "./vault.ts";

/**
 * A request through an endpoint must be signed by a role of this account; one without a signature
 * is by nobody of it.
 */
const ownRequests = { StringEquals: { "aws:PrincipalAccount": [ref("AWS::AccountId")] } };

/** Any stage's: further stages may use the same network. Their roles keep each to its own. */
const policySecrets = ownArn("secretsmanager", "secret:holdfast-*/policy-??????");
const taskLogs = ownArn("logs", "log-group:/holdfast/holdfast-*/tasks:*");

/**
 * The interface endpoints by their service's name. `kms` and `secretsmanager` are called by
 * functions and containers (the keys, the policy); the others by containers and what starts them:
 * the answer to the machine, the image, the log.
 */
function interfacePolicies(deployment: Deployment): Readonly<Record<string, readonly Statement[]>> {
  const keys = sealingKeysOf(deployment).map(({ keyId }) => sealingKeyArn(deployment, keyId));
  const image = [
    allow(["ecr:GetAuthorizationToken"], ["*"], ownRequests),
    allow(
      ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
      [ownArn("ecr", `repository/${imageRepository(deployment) ?? "holdfast-tools"}`)],
      ownRequests,
    ),
  ];
  return {
    kms: [
      allow(["kms:DescribeKey", "kms:Decrypt"], unique(keys), ownRequests),
      ...checkSignatures(deployment).map(({ Action, Resource }) => allow(Action, Resource, ownRequests)),
    ],
    secretsmanager: [allow(["secretsmanager:GetSecretValue"], [policySecrets], ownRequests)],
    ...(hasContainers(deployment) ? containerPolicies(image) : {}),
  };
}

function containerPolicies(image: readonly Statement[]): Readonly<Record<string, readonly Statement[]>> {
  return {
    states: [allow(["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"], ["*"], ownRequests)],
    // A registry asks for the same of both (Amazon ECR user guide, "Create a VPC endpoint policy").
    "ecr.api": image,
    "ecr.dkr": image,
    logs: [allow(["logs:CreateLogStream", "logs:PutLogEvents"], [taskLogs], ownRequests)],
  };
}

/**
 * The vault's buckets, for this account; and ECR's bucket of layers, which AWS owns and nobody here
 * can write to.
 */
function storePolicy(deployment: Deployment): readonly Statement[] {
  const vaults = bucketsOf(deployment);
  const buckets = unique([...bucketArns([...vaults, ...statesOf(vaults)]), stateBucketArn(deployment)]);
  const sources = Object.values(deployment.policy.sources);
  const rights = sources.flatMap((source) => proveBackups(deployment, source));
  const actions = rights.flatMap(({ Action }) => Action.filter((each) => each.startsWith("s3:")));
  const objects = buckets.map(({ "Fn::Sub": arn }) => sub(`${arn}/*`));
  return [
    allow(unique(actions), [...buckets, ...objects], ownRequests),
    allow(["s3:GetObject"], [sub(`arn:\${AWS::Partition}:s3:::prod-\${AWS::Region}-starport-layer-bucket/*`)]),
  ];
}

/** All of them, in `subnets` of the network. */
export function provingEndpoints(deployment: Deployment, subnets: readonly string[]): Resources {
  const interfaces = Object.entries(interfacePolicies(deployment)).map(([service, statements]): [string, Resource] => [
    `Proving${service.split(".").map(capitalized).join("")}Endpoint`,
    endpoint(service, statements, {
      VpcEndpointType: "Interface",
      PrivateDnsEnabled: true,
      SubnetIds: subnets.map(ref),
      SecurityGroupIds: [ref("ProvingEndpointsGroup")],
    }),
  ]);
  const store = endpoint("s3", storePolicy(deployment), { VpcEndpointType: "Gateway", RouteTableIds: [ref("ProvingRoutes")] });
  return { ProvingS3Endpoint: store, ...Object.fromEntries(interfaces) };
}

function endpoint(service: string, statements: readonly Statement[], properties: object): Resource {
  return {
    Type: "AWS::EC2::VPCEndpoint",
    Properties: {
      ServiceName: sub(`com.amazonaws.\${AWS::Region}.${service}`),
      VpcId: ref("ProvingNetwork"),
      ...properties,
      PolicyDocument: {
        Version: "2012-10-17",
        Statement: statements.map((statement) => ({ ...statement, Principal: "*" })),
      },
    },
  };
}

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const unique = <T>(values: readonly T[]): T[] => [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
