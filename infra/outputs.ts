/**
 * What a stack tells other stacks and scripts: ARNs of what they refer to, and no secret. Those of
 * the machines are outputs already: the plugin makes them (`BackupMachineArn`).
 */
import { bucketsOf, type Deployment, logicalId } from "./deployment.ts";
import { arnOf, ref, sub } from "./template.ts";
import { hasContainers } from "./tools.ts";
import { severities, topicNames } from "./topics.ts";

interface Output {
  readonly Description: string;
  readonly Value: unknown;
}

export function stackOutputs(deployment: Deployment): Readonly<Record<string, Output>> {
  const topics = severities.map((severity): [string, Output] => [
    `${topicNames[severity]}Arn`,
    { Description: `Alerts that are ${severity}`, Value: ref(topicNames[severity]) },
  ]);
  const buckets = [...new Set(bucketsOf(deployment).map(({ bucket }) => bucket))].map((bucket): [string, Output] => [
    logicalId("Vault", bucket, "Arn"),
    { Description: `The vault ${bucket}`, Value: sub(`arn:\${AWS::Partition}:s3:::${bucket}`) },
  ]);
  const cluster: [string, Output] = ["ClusterArn", { Description: "Containers of large sources", Value: arnOf("Cluster") }];
  return Object.fromEntries([...topics, ...buckets, ...(hasContainers(deployment) ? [cluster] : [])]);
}
