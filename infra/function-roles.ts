/**
 * The roles of the functions: one each, its own rights and no others. The same step in a container
 * runs under the same role. And the log of what sources have of their own.
 */
import { ownRoleName, ownWorks } from "../functions/commons/source-names.ts";
import type { Deployment } from "./deployment.ts";
import type { FunctionSpec } from "./function-spec.ts";
import { functionSpecs, roleName } from "./functions.ts";
import { networkRights } from "./network.ts";
import { readConnections, readPolicy } from "./secret-rights.ts";
import { pathOfRoles, sourcesLog } from "./source-resources.ts";
import {
  allow,
  allowWithoutResource,
  arnOf,
  ownArn,
  type Resource,
  type Resources,
  ref,
  role,
  type Statement,
  sub,
} from "./template.ts";

/** How long the log of all sources is kept; those of osls: serverless.yml. */
const logDays = 365;

/**
 * A role for each function: its own rights, its own log, the policy, and traces. The same step in a
 * container runs under the same role.
 */
export function functionRoles(deployment: Deployment, specs = functionSpecs(deployment)): Resources {
  return Object.fromEntries(
    specs.map((spec) => [
      roleName(spec.key),
      role(
        "lambda.amazonaws.com",
        [
          ...spec.rights,
          ...readPolicy(deployment),
          ...ownLog(deployment, spec),
          ...(spec.unattended === true ? [allow(["sqs:SendMessage"], [arnOf("AlertQueue")])] : []),
          ...networkRights(deployment, spec.reach, `${deployment.prefix}-${spec.key}`),
          ...(spec.tools === true ? answers : []),
          ...traces,
        ],
        {
          containers: spec.tools === true,
          path: sub(pathOfRoles(deployment, spec.module)),
          name: ownName(deployment, spec),
        },
      ),
    ]),
  );
}

/** The name of a source's role, by which `plan` names it and the machines may hand it on. */
function ownName({ prefix, region }: Deployment, { source, module }: FunctionSpec): string | undefined {
  const work = ownWorks.find((each) => each === module);
  return work === undefined || source === undefined ? undefined : ownRoleName({ prefix, region }, work, source);
}

export function functionLogs(deployment: Deployment): Resources {
  return {
    SourcesLog: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: sourcesLog(deployment), RetentionInDays: logDays },
    },
  };
}

/**
 * In the log of all sources, a function writes into streams of its own name (Lambda developer
 * guide, "Configuring CloudWatch log groups": `YYYY/MM/DD/<function>[<version>][<environment>]`).
 */
function ownLog(deployment: Deployment, { key, source }: FunctionSpec): Statement[] {
  const name = `${deployment.prefix}-${key}`;
  const streams =
    source === undefined ? `log-group:/aws/lambda/${name}:*` : `log-group:${sourcesLog(deployment)}:log-stream:*/${name}[*`;
  return [allow(["logs:CreateLogStream", "logs:PutLogEvents"], [ownArn("logs", streams)])];
}

/**
 * A task token is what says which execution a container answers; Step Functions has no resource for
 * it.
 */
const answers: readonly Statement[] = [
  allowWithoutResource("TaskTokenTakesNoResource", [
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
    "states:SendTaskHeartbeat",
  ]),
];

export const traces: readonly Statement[] = [
  allowWithoutResource("XrayTakesNoResource", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]),
];

/**
 * What does not fit into the roles of `restore` and `safeguard`: the connections of many sources.
 */
export function restorePolicies(deployment: Deployment): Resources {
  const [, ...more] = readConnections(deployment);
  const reaching = ["restore", ...(deployment.vaultAccount === undefined ? ["safeguard"] : [])];
  return Object.fromEntries(
    more.map((Statement, index): [string, Resource] => [
      `RestoreConnections${index + 1}`,
      {
        Type: "AWS::IAM::ManagedPolicy",
        Properties: {
          // By this path the deployer may make them (deployer-policy.json).
          Path: `/${deployment.prefix}/restore/`,
          Roles: reaching.map((key) => ref(roleName(key))),
          PolicyDocument: { Version: "2012-10-17", Statement },
        },
      },
    ]),
  );
}
