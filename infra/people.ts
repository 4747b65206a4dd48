/**
 * A ready pair of managed policies for people: one asks for restores, the other answers. Nobody
 * should have both; what would be the same person is refused all the same (ADR 0054).
 */
import { readTrail } from "./approval-rights.ts";
import { bucketsOf, type Deployment } from "./deployment.ts";
import { lambdaArn } from "./functions.ts";
import { useStorageKeys } from "./key-rights.ts";
import { bucketArns, objectsIn, readCatalogue } from "./rights.ts";
import { readPolicy } from "./secret-rights.ts";
import { allow, allowWithoutResource, numberSids, ownArn, type Resource, type Resources, type Statement } from "./template.ts";

/** What each may do, by the policy's name. */
export function peoplePolicies(deployment: Deployment): Resources {
  if (deployment.vaultAccount !== undefined) return {};
  return {
    RequestersPolicy: managedPolicy(deployment, "requesters", "May start restores, and ask for those that replace something", [
      allow(["lambda:InvokeFunction"], [lambdaArn("ask")]),
      ...startRestores(deployment),
      ...readCatalogue(deployment),
      ...readTrail(deployment),
    ]),
    ApproversPolicy: managedPolicy(deployment, "approvers", "May answer requests of others, and read the audit trail", [
      allow(["lambda:InvokeFunction"], [lambdaArn("answer")]),
      allow(["s3:ListBucket"], bucketArns(bucketsOf(deployment))),
      allow(["s3:GetObject"], objectsIn(bucketsOf(deployment), "holdfast.json")),
      ...useStorageKeys(deployment, bucketsOf(deployment), ["kms:Decrypt"]),
      ...readTrail(deployment),
    ]),
  };
}

/** Restores to new targets need no second person. */
function startRestores({ prefix }: Deployment): Statement[] {
  return [
    allow(["states:StartExecution"], [ownArn("states", `stateMachine:${prefix}-restore`)]),
    allow(
      ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
      [ownArn("states", `execution:${prefix}-restore:*`)],
    ),
    allowWithoutResource("ListingMachinesTakesNoResource", ["states:ListStateMachines"]),
  ];
}

function managedPolicy(deployment: Deployment, name: string, Description: string, statements: readonly Statement[]): Resource {
  const { prefix, region } = deployment;
  return {
    Type: "AWS::IAM::ManagedPolicy",
    Properties: {
      ManagedPolicyName: `${prefix}-${region}-${name}`,
      Description,
      // By this path the deployer may make them (deployer-policy.json).
      Path: `/${prefix}/restore/`,
      PolicyDocument: { Version: "2012-10-17", Statement: numberSids([...statements, ...readPolicy(deployment)]) },
    },
  };
}
