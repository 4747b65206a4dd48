/** The functions of a restore that replaces something: who asks, who answers, the safety backup. */
import * as approvalRights from "./approval-rights.ts";
import type { Deployment } from "./deployment.ts";
import type { FunctionSpec } from "./function-spec.ts";
import * as rights from "./rights.ts";
import * as secretRights from "./secret-rights.ts";
import { stateEnvironment } from "./state-buckets.ts";
import { tellingRights, topicEnvironment } from "./telling.ts";
import { allow, ownArn } from "./template.ts";

/**
 * Backs up what stands at a restore's target, whatever server that is: it adds to the series of
 * safety backups alone, and opens nothing else.
 */
function safeguardSpec(deployment: Deployment): FunctionSpec {
  return {
    key: "safeguard",
    module: "safeguard",
    tools: true,
    reach: "sources",
    rights: [
      ...approvalRights.addSafetyBackups(deployment),
      ...rights.markReading(deployment),
      ...rights.handFindingsOver(deployment),
      ...(secretRights.readConnections(deployment)[0] ?? []),
    ],
    environment: stateEnvironment(deployment),
  };
}

/**
 * What carries a request between two people (ADR 0054). People call `ask` and `answer`; the machine
 * calls `request`. None of them reads a backup.
 */
export function approvalSpecs(deployment: Deployment): FunctionSpec[] {
  const { prefix, vaultAccount } = deployment;
  // A vault of another account takes no safety backup from here: nothing is replaced.
  if (vaultAccount !== undefined) return [];
  const environment = { ...stateEnvironment(deployment), HOLDFAST_DEPLOYMENT: prefix };
  const machine = ownArn("states", `stateMachine:${prefix}-restore`);
  return [
    safeguardSpec(deployment),
    {
      key: "ask",
      module: "ask",
      rights: [allow(["states:StartExecution"], [machine]), ...approvalRights.keepAsked(deployment)],
      environment: { ...environment, HOLDFAST_RESTORE_MACHINE: machine },
    },
    {
      key: "request",
      module: "request",
      rights: [...tellingRights(deployment), ...approvalRights.keepTokens(deployment)],
      environment: { ...environment, ...topicEnvironment },
    },
    {
      key: "answer",
      module: "answer",
      rights: [...approvalRights.answerRequests(deployment), rights.answerTasks],
      environment,
    },
  ];
}
