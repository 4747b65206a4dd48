/** The topics by severity, the key that encrypts what passes them, and the policy's receivers. */
import { allChannels } from "../src/alerts/route.ts";
import type { Severity } from "../src/policy/policy.ts";
import { type Deployment, logicalId } from "./deployment.ts";
import { lambdaArn } from "./functions.ts";
import { accountsOwnPolicies, arnOf, type Resource, type Resources, ref } from "./template.ts";

export const topicNames: Readonly<Record<Severity, string>> = {
  critical: "CriticalTopic",
  warning: "WarningTopic",
  info: "InfoTopic",
};
export const severities = Object.keys(topicNames) as Severity[];

export function topicResources(deployment: Deployment): Resources {
  return {
    AlertsKey: alertsKey(),
    ...Object.fromEntries(severities.map((severity) => [topicNames[severity], topic(deployment, severity)])),
    ...Object.fromEntries(severities.map((severity) => [`${topicNames[severity]}Policy`, topicPolicy(deployment, severity)])),
    ...subscriptions(deployment),
  };
}

/** Roles that publish have their own right to the key; CloudWatch's alarms have no role. */
export function alertsKey(): Resource {
  return {
    Type: "AWS::KMS::Key",
    Properties: {
      Description: "Holdfast: encrypts alerts on their way",
      EnableKeyRotation: true,
      KeyPolicy: {
        Version: "2012-10-17",
        Statement: [
          accountsOwnPolicies,
          {
            Sid: "AlarmsOfThisAccount",
            Effect: "Allow",
            Principal: { Service: "cloudwatch.amazonaws.com" },
            Action: ["kms:GenerateDataKey*", "kms:Decrypt"],
            Resource: "*",
            Condition: { StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") } },
          },
        ],
      },
    },
  };
}

export function topic({ prefix }: Deployment, severity: Severity): Resource {
  return {
    Type: "AWS::SNS::Topic",
    Properties: { TopicName: `${prefix}-${severity}`, DisplayName: `Holdfast ${severity}`, KmsMasterKeyId: ref("AlertsKey") },
  };
}

/** One a topic: CloudFormation's handler takes one (its schema says so, the reference does not). */
export function topicPolicy({ local }: Deployment, severity: Severity): Resource {
  const topic = ref(topicNames[severity]);
  const alarms = {
    Sid: "AlarmsOfThisAccount",
    Effect: "Allow",
    Principal: { Service: "cloudwatch.amazonaws.com" },
    Action: "sns:Publish",
    Resource: [topic],
    Condition: { StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") } },
  };
  const plainHttp = {
    Sid: "PlainHttp",
    Effect: "Deny",
    Principal: "*",
    Action: "sns:Publish",
    Resource: [topic],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  const PolicyDocument = { Version: "2012-10-17", Statement: local ? [alarms] : [alarms, plainHttp] };
  return { Type: "AWS::SNS::TopicPolicy", Properties: { Topics: [topic], PolicyDocument } };
}

/**
 * Mail by subscription; Slack through a function that is subscribed wherever the policy names a
 * webhook.
 */
function subscriptions({ policy }: Deployment): Resources {
  const resources: Record<string, Resource> = {};
  for (const { channel, severities: told } of allChannels(policy.alerts)) {
    for (const severity of told) {
      const TopicArn = ref(topicNames[severity]);
      if (channel.type === "email") {
        resources[logicalId("Mail", severity, channel.address)] = {
          Type: "AWS::SNS::Subscription",
          Properties: { TopicArn, Protocol: "email", Endpoint: channel.address },
        };
        continue;
      }
      resources[logicalId("Slack", severity)] = {
        Type: "AWS::SNS::Subscription",
        Properties: {
          TopicArn,
          Protocol: "lambda",
          Endpoint: lambdaArn("slack"),
          RedrivePolicy: { deadLetterTargetArn: arnOf("AlertQueue") },
        },
      };
      resources[logicalId("Slack", severity, "Permission")] = permission("slack", "sns.amazonaws.com", TopicArn);
    }
  }
  return resources;
}

/** Lets a service call a function on behalf of one of the stack's own resources. */
export function permission(key: string, service: string, SourceArn: unknown): Resource {
  return {
    Type: "AWS::Lambda::Permission",
    Properties: { Action: "lambda:InvokeFunction", FunctionName: lambdaArn(key), Principal: service, SourceArn },
  };
}
