/** The few words of CloudFormation that the parts are written in. */

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: "RetainExceptOnCreate" | "Delete";
  readonly UpdateReplacePolicy?: "Retain";
}

export type Resources = Readonly<Record<string, Resource>>;

/** A text, or what CloudFormation makes one of. */
export type Text = string | { readonly "Fn::Sub": string };

export const ref = (logicalName: string) => ({ Ref: logicalName });
export const arnOf = (logicalName: string) => ({ "Fn::GetAtt": [logicalName, "Arn"] });
export const sub = (text: string) => ({ "Fn::Sub": text });

/** The trust of a role that a service takes on for this account's resources alone. */
export const forThisAccount = { StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") } };

/**
 * `service:rest` as an ARN of this partition, region and account:
 * `states:stateMachine:holdfast-prod-backup`.
 */
export function ownArn(serviceName: string, rest: string) {
  return sub(`arn:\${AWS::Partition}:${serviceName}:\${AWS::Region}:\${AWS::AccountId}:${rest}`);
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly unknown[];
  readonly Condition?: unknown;
}

export function allow(actions: readonly string[], resources: readonly unknown[], condition?: unknown): Statement {
  return { Effect: "Allow", Action: actions, Resource: resources, Condition: condition };
}

export function deny(actions: readonly string[], resources: readonly unknown[], condition: unknown): Statement {
  return { Effect: "Deny", Action: actions, Resource: resources, Condition: condition };
}

/**
 * Of a key's policy: who may use the key is written in the account's roles, and nowhere else (KMS
 * developer guide, "Default key policy").
 */
export const accountsOwnPolicies = {
  Sid: "AccountsOwnPolicies",
  Effect: "Allow",
  Principal: { AWS: sub(`arn:\${AWS::Partition}:iam::\${AWS::AccountId}:root`) },
  Action: "kms:*",
  Resource: "*",
};

/**
 * For actions that AWS lets nobody restrict to a resource; the Sid says so, and the template's test
 * looks for it.
 */
export function allowWithoutResource(sid: `${string}TakesNoResource`, actions: readonly string[], condition?: unknown): Statement {
  return { Sid: sid, ...allow(actions, ["*"], condition) };
}

/** A statement under a name, which says why it is as wide as it is. */
export function named(sid: string, statement: Statement): Statement {
  return { Sid: sid, ...statement };
}

interface RoleOptions {
  /** On whose behalf the principal must act. */
  readonly condition?: unknown;
  /**
   * Where the role stands among the account's: who may be given a kind of role is said by its path.
   */
  readonly path?: unknown;
  /** For those who name it before it is there; default: one of CloudFormation's own. */
  readonly name?: string | undefined;
  /**
   * Whether Fargate's containers of this account take it on as well (Amazon ECS developer guide,
   * "Task IAM role": with the account as a condition).
   */
  readonly containers?: boolean;
}

/** A role that `principal` takes on, with these rights and no others. */
export function role(principal: string, statements: readonly Statement[], options: RoleOptions = {}): Resource {
  const { condition, path, name, containers = false } = options;
  const trust = (Service: string, Condition: unknown) => ({
    Effect: "Allow",
    Principal: { Service },
    Action: "sts:AssumeRole",
    Condition,
  });
  return {
    Type: "AWS::IAM::Role",
    Properties: {
      RoleName: name,
      Path: path,
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [trust(principal, condition), ...(containers ? [trust("ecs-tasks.amazonaws.com", forThisAccount)] : [])],
      },
      Policies: [{ PolicyName: "own", PolicyDocument: { Version: "2012-10-17", Statement: numberSids(statements) } }],
    },
  };
}

/** IAM takes a Sid once in a policy: the second of a name gets a 2. */
export function numberSids(statements: readonly Statement[]): Statement[] {
  const seen = new Map<string, number>();
  return statements.map((statement) => {
    if (statement.Sid === undefined) return statement;
    const count = (seen.get(statement.Sid) ?? 0) + 1;
    seen.set(statement.Sid, count);
    return count === 1 ? statement : { ...statement, Sid: `${statement.Sid}${count}` };
  });
}

/**
 * Keeps what holds data when the stack goes, or when a change would replace it. A deployment that
 * fails takes back what it has made itself, so that the next can make it under the same name.
 */
export function retained(resource: Resource): Resource {
  return { ...resource, DeletionPolicy: "RetainExceptOnCreate", UpdateReplacePolicy: "Retain" };
}
