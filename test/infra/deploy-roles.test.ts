import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { mayEver, propertiesOf, readStatements, type Template } from "./template-model.ts";

const read = (file: string): string => readFileSync(join(projectDirectory, file), "utf8");
const written = parse(read("infra/ci/deploy-roles.yml")) as Template;
/** Parameters stand for themselves: `prod`, and names that are told from each other. */
const given = {
  Stage: "prod",
  GitHub: "acme/backups",
  GitHubEnvironment: "production",
  GitLab: "acme/ops/backups",
  GitLabBranch: "main",
};
const text = JSON.stringify(written).replaceAll(
  /\$\{(\w+)\}/g,
  (whole, name: string) => given[name as keyof typeof given] ?? whole,
);
const template = {
  Resources: { ...(JSON.parse(text) as Template).Resources, DeployerPolicy: { Type: "AWS::IAM::ManagedPolicy" } },
} as Template;

const statements = readStatements(template, propertiesOf(template, "PipelinePolicy")["PolicyDocument"]);
const stack = (name: string) => `arn:aws:cloudformation:eu-central-1:123456789012:stack/${name}/0a1b`;
const serviceRole = "arn:aws:iam::123456789012:role/deploy-prod-holdfast-cloudformation";

describe("the role of a pipeline", () => {
  it("deploys its stage through change sets alone, which CloudFormation carries out with a role of its own", () => {
    for (const action of [
      "CreateStack",
      "UpdateStack",
      "DeleteStack",
      "CancelUpdateStack",
      "RollbackStack",
      "ImportStacksToStackSet",
    ])
      expect(mayEver(statements, `cloudformation:${action}`, stack("holdfast-prod")), action).toBe(false);
    expect(mayEver(statements, "cloudformation:ExecuteChangeSet", stack("holdfast-prod"))).toBe(true);
    const [create, ...more] = statements.filter(({ Action }) => Action.includes("cloudformation:CreateChangeSet"));
    expect(more).toEqual([]);
    expect(create?.Condition).toEqual({ StringEquals: { "cloudformation:RoleArn": serviceRole } });
  });

  it("touches no other stage's stack, and hands on no other role and to no other service", () => {
    for (const action of ["CreateChangeSet", "ExecuteChangeSet", "DescribeStacks", "SetStackPolicy"])
      for (const other of ["holdfast-dev", "holdfast-prod2", "holdfast-image", "payroll"])
        expect(mayEver(statements, `cloudformation:${action}`, stack(other)), `${action} ${other}`).toBe(false);
    const passed = statements.filter(({ Action }) => Action.includes("iam:PassRole"));
    expect(passed.map(({ Resource, Condition }) => ({ Resource, Condition }))).toEqual([
      { Resource: [serviceRole], Condition: { StringEquals: { "iam:PassedToService": "cloudformation.amazonaws.com" } } },
    ]);
  });

  it("makes no role, key or bucket, and reads no secret and no vault, by itself", () => {
    for (const [action, arn] of [
      ["iam:CreateRole", "arn:aws:iam::123456789012:role/holdfast-prod-x"],
      ["iam:PutRolePolicy", serviceRole],
      ["kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/0a"],
      ["secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:holdfast-prod/policy-AbCdEf"],
      ["s3:GetObject", "arn:aws:s3:::acme-backups/manifests/x"],
      ["s3:DeleteObject", "arn:aws:s3:::holdfast-prod-auditbucket-0a/x"],
      ["lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:123456789012:function:holdfast-prod-prune"],
    ] as const)
      expect(mayEver(statements, action, arn), action).toBe(false);
    const packages = "arn:aws:s3:::holdfast-prod-serverlessdeploymentbucket-0a1b";
    expect([packages, `${packages}/serverless/x.zip`].map((arn) => mayEver(statements, "s3:PutObject", arn))).toEqual([true, true]);
  });

  it("is outside the names that the deployer's policy reaches, which would else make it stronger", () => {
    const deployer = JSON.parse(read("infra/deployer-policy.json"));
    for (const role of ["CloudFormationRole", "GitHubRole", "GitLabRole"]) {
      const arn = `arn:aws:iam::123456789012:role/${propertiesOf(template, role)["RoleName"]}`;
      for (const action of ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:PassRole"])
        expect(mayEver(readStatements(template, deployer), action, arn), `${action} ${arn}`).toBe(false);
    }
  });

  it("is taken on by one repository's environment, or one project's branch, and by nobody else", () => {
    const trust = (role: string) => {
      const { Statement } = propertiesOf(template, role)["AssumeRolePolicyDocument"] as {
        Statement: readonly { Condition: unknown }[];
      };
      return Statement.map(({ Condition }) => Condition);
    };
    expect(trust("GitHubRole")).toEqual([
      {
        StringEquals: {
          "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
          "token.actions.githubusercontent.com:sub": "repo:acme/backups:environment:production",
        },
      },
    ]);
    expect(trust("GitLabRole")).toEqual([
      {
        StringEquals: {
          "gitlab.com:aud": "https://gitlab.com",
          "gitlab.com:sub": "project_path:acme/ops/backups:ref_type:branch:ref:main",
        },
      },
    ]);
  });

  it("is used by the examples as they ask for it: the environment, the branch and the audience are the same", () => {
    const github = parse(read("infra/ci/github-actions.yml")) as { jobs: { deploy: { environment: string } }; permissions: object };
    const { Parameters } = written as unknown as { Parameters: Record<string, { Default: string }> };
    expect(github.jobs.deploy.environment).toBe(Parameters["GitHubEnvironment"]?.Default);
    expect(github.permissions).toEqual({ contents: "read", "id-token": "write" });
    const gitlab = parse(read("infra/ci/gitlab-ci.yml")) as { "deploy-holdfast": { id_tokens: unknown; rules: unknown } };
    expect(gitlab["deploy-holdfast"]).toMatchObject({
      id_tokens: { AWS_TOKEN: { aud: "https://gitlab.com" } },
      rules: [{ if: `$CI_COMMIT_BRANCH == "${Parameters["GitLabBranch"]?.Default}"` }],
    });
  });
});
