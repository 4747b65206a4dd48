/**
 * Where steps run that are too large or too slow for a Lambda: the same image, the same step, the
 * same rights, in a container.
 */
import { ownWorks } from "../functions/commons/source-names.ts";
import { type Deployment, imageRepository } from "./deployment.ts";
import { environmentOf, functionSpecs, ownTaskPath, resourceStem } from "./functions.ts";
import { ownNetwork } from "./network.ts";
import { provingNetwork } from "./proving-network.ts";
import { readPolicy } from "./rights.ts";
import { allow, allowWithoutResource, arnOf, ownArn, type Resource, type Resources, ref, role, sub } from "./template.ts";

/** 4 CPUs: as many as pg_restore and sealing use; AWS Fargate takes 8 to 30 GB with them. */
const cpu = "4096";
const memory = "16384";
/** AWS Fargate's most, in GiB. */
const mostDisk = 200;
const logDays = 365;

export function fargateResources(deployment: Deployment): Resources {
  return {
    Cluster: {
      Type: "AWS::ECS::Cluster",
      Properties: { ClusterName: deployment.prefix, ClusterSettings: [{ Name: "containerInsights", Value: "enabled" }] },
    },
    TaskLog: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: `/holdfast/${deployment.prefix}/tasks`, RetentionInDays: logDays },
    },
    TaskExecutionRole: role("ecs-tasks.amazonaws.com", [
      allow(["logs:CreateLogStream", "logs:PutLogEvents"], [arnOf("TaskLog")]),
      allow(
        ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        [ownArn("ecr", `repository/${imageRepository(deployment) ?? "holdfast-tools"}`)],
      ),
      allowWithoutResource("EcrLoginTakesNoResource", ["ecr:GetAuthorizationToken"]),
    ]),
    ...tasks(deployment),
    ...(deployment.network === undefined ? ownNetwork() : {}),
    ...provingNetwork(deployment),
  };
}

function tasks(deployment: Deployment): Resources {
  const resources: Record<string, Resource> = {};
  for (const spec of functionSpecs(deployment).filter(({ tools }) => tools === true)) {
    const name = `${resourceStem(spec.key)}Task`;
    const work = ownWorks.find((each) => each === spec.module);
    resources[`${name}Role`] = role(
      "ecs-tasks.amazonaws.com",
      [
        ...spec.rights,
        ...readPolicy(deployment),
        // A task token is what says which execution is answered; Step Functions has no resource for
        // it.
        allowWithoutResource("TaskTokenTakesNoResource", [
          "states:SendTaskSuccess",
          "states:SendTaskFailure",
          "states:SendTaskHeartbeat",
        ]),
      ],
      work === undefined ? {} : { path: sub(ownTaskPath(deployment.prefix, work)) },
    );
    resources[name] = taskDefinition(deployment, spec.key, name, {
      ...environmentOf(deployment, spec),
      HOLDFAST_STEP: spec.module,
    });
  }
  return resources;
}

function taskDefinition(
  deployment: Deployment,
  key: string,
  name: string,
  environment: Readonly<Record<string, unknown>>,
): Resource {
  return {
    Type: "AWS::ECS::TaskDefinition",
    // An execution of `restore` that runs names the revision that it began with: one that was
    // deregistered starts no container.
    UpdateReplacePolicy: "Retain",
    Properties: {
      Family: `${deployment.prefix}-${key}`,
      RequiresCompatibilities: ["FARGATE"],
      NetworkMode: "awsvpc",
      Cpu: cpu,
      Memory: memory,
      EphemeralStorage: { SizeInGiB: mostDisk },
      RuntimePlatform: { CpuArchitecture: "ARM64", OperatingSystemFamily: "LINUX" },
      ExecutionRoleArn: arnOf("TaskExecutionRole"),
      TaskRoleArn: arnOf(`${name}Role`),
      ContainerDefinitions: [
        {
          Name: "holdfast",
          Image: deployment.local ? "holdfast-tools:local" : deployment.image,
          EntryPoint: ["node", "/var/task/fargate.mjs"],
          Essential: true,
          // Time to take back an upload and release a lease; AWS Fargate's most.
          StopTimeout: 120,
          Environment: Object.entries(environment).map(([Name, Value]) => ({ Name, Value })),
          LogConfiguration: {
            LogDriver: "awslogs",
            Options: { "awslogs-group": ref("TaskLog"), "awslogs-region": ref("AWS::Region"), "awslogs-stream-prefix": key },
          },
        },
      ],
    },
  };
}
