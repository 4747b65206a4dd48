/** Who asks and who answers: two policies, two sets of functions, and nobody with both. */
import { describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { machineRoles } from "../../infra/machines.ts";
import { peoplePolicies } from "../../infra/people.ts";
import { topicResources } from "../../infra/topics.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deploy, inAnotherAccount, samplePolicyText } from "./deployments.ts";
import { mayEver, propertiesOf, readStatements, resolve, type Statement, statementsOf, type Template } from "./template-model.ts";

const deployment = deploy(samplePolicyText);
const machine = { Type: "AWS::StepFunctions::StateMachine" };
const functions = ["Ask", "Answer", "Request", "Safeguard", "Restore", "Record", "Notify", "Plan", "Prune", "Due", "Start"];
const people = peoplePolicies(deployment);
const template = {
  Resources: {
    ...vaultResources(deployment),
    ...functionRoles(deployment),
    ...machineRoles(deployment),
    ...topicResources(deployment),
    ...people,
    ...Object.fromEntries(functions.map((name) => [`${name}LambdaFunction`, { Type: "AWS::Lambda::Function" }])),
    ...Object.fromEntries(["Backup", "RestoreTest", "Restore"].map((name) => [`${name}Machine`, machine])),
    AlertQueue: { Type: "AWS::SQS::Queue" },
    Cluster: { Type: "AWS::ECS::Cluster" },
    TaskExecutionRole: { Type: "AWS::IAM::Role" },
    SourcesLog: { Type: "AWS::Logs::LogGroup" },
  },
} as Template;

function statementsOfPolicy(name: string): readonly Statement[] {
  const { PolicyDocument } = propertiesOf(template, name);
  return readStatements(template, PolicyDocument);
}

const roles = Object.entries(template.Resources).flatMap(([name, { Type }]) =>
  Type === "AWS::IAM::Role" && name !== "TaskExecutionRole" ? [name] : [],
);
const holders: readonly (readonly [string, readonly Statement[]])[] = [
  ...roles.map((name) => [name, statementsOf(template, name)] as const),
  ...Object.keys(people).map((name) => [name, statementsOfPolicy(name)] as const),
];
const those = (allows: (statements: readonly Statement[]) => boolean): string[] =>
  holders.flatMap(([name, statements]) => (allows(statements) ? [name] : [])).sort();

const lambda = (name: string): string => String(resolve(template, { "Fn::GetAtt": [`${name}LambdaFunction`, "Arn"] }));
const states = (rest: string): string => `arn:aws:states:eu-central-1:123456789012:${rest}`;
const machineArn = states("stateMachine:holdfast-dev-restore");
const approvals = (room: string): string => `arn:aws:s3:::acme-backups-state/holdfast-dev/approvals/${room}/x.json`;
const on = (action: string, resource: string) => (statements: readonly Statement[]) => mayEver(statements, action, resource);

const startsRestores = (statements: readonly Statement[]): boolean =>
  on("states:StartExecution", machineArn)(statements) || on("lambda:InvokeFunction", lambda("Ask"))(statements);
const answers = (statements: readonly Statement[]): boolean =>
  on("lambda:InvokeFunction", lambda("Answer"))(statements) || on("s3:PutObject", approvals("answers"))(statements);

describe("starting a restore, and answering for one", () => {
  it("are rights of different policies and roles", () => {
    expect(those(startsRestores)).toEqual(["AskRole", "RequestersPolicy"]);
    expect(those(answers)).toEqual(["AnswerRole", "ApproversPolicy"]);
    expect(those((statements) => startsRestores(statements) && answers(statements))).toEqual([]);
  });

  it("leave the task token to the function that answers", () => {
    expect(those(on("s3:GetObject", approvals("waiting")))).toEqual(["AnswerRole"]);
    expect(those(on("s3:PutObject", approvals("waiting")))).toEqual(["RequestRole"]);
    // IAM takes no resource for it: containers answer their own tokens with the same right.
    const mayAnswerTokens = those(on("states:SendTaskSuccess", "*"));
    expect(mayAnswerTokens.filter((name) => !/^(Dump|Prove)/.test(name))).toEqual(["AnswerRole", "RestoreRole", "SafeguardRole"]);
    // Where an execution's history shows a token, nobody has both.
    const mayRead = those(on("states:GetExecutionHistory", states("execution:holdfast-dev-restore:x")));
    expect(mayRead).toEqual(["RequestersPolicy"]);
    expect(mayAnswerTokens.filter((name) => mayRead.includes(name))).toEqual([]);
  });

  it("leave who asked to the function that asked AWS", () => {
    expect(those(on("s3:PutObject", approvals("asked")))).toEqual(["AskRole"]);
    expect(those(on("s3:GetObject", approvals("asked")))).toEqual(["RecordRole"]);
  });

  it("are not there where the vault belongs to another account", () => {
    const foreign = deploy(inAnotherAccount(samplePolicyText), { vault: "foreign", proving: "open" });
    expect(peoplePolicies(foreign)).toEqual({});
    expect(Object.keys(functionRoles(foreign)).filter((name) => /^(Ask|Answer|Request|Safeguard)/.test(name))).toEqual([]);
  });
});

describe("the safety backup's function", () => {
  it("adds to the series of safety backups alone, and opens nothing else", () => {
    const statements = statementsOf(template, "SafeguardRole");
    for (const { Action, Resource, Condition } of statements.filter(({ Effect }) => Effect === "Allow")) {
      if (Action.includes("s3:PutObject"))
        for (const each of Resource) expect(each).toMatch(/\*\.pre-restore\/|holdfast\.json$|RESTORE\.md$|\/leases\/|\/unsigned\//);
      if (Action.includes("kms:Decrypt") && Resource.some((each) => each.includes("SealingKey")))
        expect(JSON.stringify(Condition)).toContain('"kms:EncryptionContext:holdfast:source":"*.pre-restore"');
    }
    for (const action of ["kms:Sign", "s3:DeleteObject", "s3:PutObjectLegalHold"]) {
      const held = statements
        .filter(({ Effect, Action }) => Effect === "Allow" && Action.includes(action))
        .flatMap(({ Resource }) => Resource);
      expect(
        held.filter((each) => !each.includes("/leases/reading/")),
        action,
      ).toEqual([]);
    }
  });
});
