/**
 * Where steps run that are too large or too slow for a Lambda: the same image, the same step, the
 * same rights, in a container. A container that dumps or proves gets the role of its source when it
 * is started; without one it may do nothing.
 */
import { type Deployment, imageRepository } from "./deployment.ts";
import { environmentOf, roleName } from "./functions.ts";
import { ownNetwork } from "./network.ts";
import { provingNetwork } from "./proving-network.ts";
import { stateEnvironment } from "./state-buckets.ts";
import { allow, allowWithoutResource, arnOf, ownArn, type Resource, type Resources, ref, role } from "./template.ts";
import { hasContainers } from "./tools.ts";

/** 4 CPUs: as many as pg_restore and sealing use; AWS Fargate takes 8 to 30 GB with them. */
const cpu = "4096";
const memory = "16384";
/** AWS Fargate's most, in GiB. */
const maxDisk = 200;
const logDays = 365;

/** What is there beside the network of proofs only where there is an image. */
export function fargateResources(deployment: Deployment): Resources {
  return hasContainers(deployment)
    ? { ...containerResources(deployment), ...provingNetwork(deployment) }
    : provingNetwork(deployment);
}

function containerResources(deployment: Deployment): Resources {
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
    DumpTask: taskDefinition(deployment, "dump"),
    ProveTask: taskDefinition(deployment, "prove", stateEnvironment(deployment)),
    RestoreTask: taskDefinition(deployment, "restore", stateEnvironment(deployment), arnOf(roleName("restore"))),
    ...(deployment.network === undefined ? ownNetwork() : {}),
  };
}

/** `module`: in functions/, and the family's name after the prefix. */
function taskDefinition(
  deployment: Deployment,
  module: "dump" | "prove" | "restore",
  environment: Readonly<Record<string, unknown>> = {},
  role?: unknown,
): Resource {
  const variables = { ...environmentOf(deployment, { module, environment }), HOLDFAST_STEP: module };
  return {
    Type: "AWS::ECS::TaskDefinition",
    // Machines name the family, whose newest revision is run; an older one that somebody names, or
    // that a deployment goes back to, stays usable.
    UpdateReplacePolicy: "Retain",
    // With the stack, the newest goes.
    DeletionPolicy: "Delete",
    Properties: {
      Family: `${deployment.prefix}-${module}`,
      RequiresCompatibilities: ["FARGATE"],
      NetworkMode: "awsvpc",
      Cpu: cpu,
      Memory: memory,
      EphemeralStorage: { SizeInGiB: maxDisk },
      RuntimePlatform: { CpuArchitecture: deployment.architecture.toUpperCase(), OperatingSystemFamily: "LINUX" },
      ExecutionRoleArn: arnOf("TaskExecutionRole"),
      TaskRoleArn: role,
      ContainerDefinitions: [
        {
          Name: "holdfast",
          Image: deployment.local ? "holdfast-tools:local" : deployment.image,
          EntryPoint: ["node", "/var/task/fargate.mjs"],
          Essential: true,
          // Time to take back an upload and release a lease; AWS Fargate's most.
          StopTimeout: 120,
          Environment: Object.entries(variables).map(([Name, Value]) => ({ Name, Value })),
          LogConfiguration: {
            LogDriver: "awslogs",
            Options: { "awslogs-group": ref("TaskLog"), "awslogs-region": ref("AWS::Region"), "awslogs-stream-prefix": module },
          },
        },
      ],
    },
  };
}
