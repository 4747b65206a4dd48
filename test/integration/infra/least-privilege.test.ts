import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpNames, proveNames } from "../../../functions/commons/source-names.ts";
import { type PackagedStack, packageStack } from "../../infra/package-stack.ts";
import { mayEver, namesOf, propertiesOf, readStatements, statementsOf, type Template } from "../../infra/template-model.ts";

/**
 * Statements that are wider than one kind of thing say why in their name (infra/template.ts,
 * infra/rights.ts, infra/machines.ts).
 */
const reasons = /(TakesNoResource|KeyIsKnownByItsAlias|EverySourceOfThisStage|EverySourcesRole)\d*$/;

const vault = "arn:aws:s3:::acme-backups/production";
const state = "arn:aws:s3:::acme-backups-state";
const secret = (name: string): string => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbCdEf`;
const key = (name: string): string => `arn:aws:kms:eu-central-1:123456789012:key/${name}`;
const machine = (name: string): string => `arn:aws:states:eu-central-1:123456789012:stateMachine:holdfast-dev-${name}`;
const signed = `${"b".repeat(43)}-${"c".repeat(86)}`;
const lambda = (name: string): string => `arn:aws:lambda:eu-central-1:123456789012:function:holdfast-dev-${name}`;

/** One object of each kind in the vault: of the source `db1`. */
const objects = {
  manifest: `${vault}/manifests/db1/20261120T020000Z-full-7k3f9a.json`,
  artifact: `${vault}/artifacts/db1/20261120T020000Z-full-7k3f9a/archive.dump`,
  evidence: `${vault}/evidence/db1/20261120T020000Z-full-7k3f9a/20261120T021000000Z-verified-${signed}.json`,
  hold: `${vault}/holds/db1/20261120T020000Z-full-7k3f9a-20261121T090000000Z-${signed}.json`,
  document: `${vault}/holdfast.json`,
} as const;
const places = Object.values(objects);

/** What nobody in a stack may do, anywhere. */
const forbiddenToAll = [
  "s3:BypassGovernanceRetention",
  "s3:PutBucketObjectLockConfiguration",
  "s3:PutBucketVersioning",
  "s3:PutBucketPolicy",
  "s3:DeleteBucketPolicy",
  "s3:DeleteBucket",
  "s3:PutLifecycleConfiguration",
  "s3:PutEncryptionConfiguration",
  "s3:PutBucketPublicAccessBlock",
  "s3:PutObjectAcl",
  "kms:ScheduleKeyDeletion",
  "kms:DisableKey",
  "kms:PutKeyPolicy",
  "kms:CreateGrant",
  "secretsmanager:PutSecretValue",
  "secretsmanager:DeleteSecret",
  "lambda:UpdateFunctionCode",
  "iam:PutRolePolicy",
  "iam:CreateAccessKey",
  "sts:AssumeRole",
  "logs:DeleteLogGroup",
  "sns:Unsubscribe",
  "scheduler:DeleteSchedule",
];

let stack: PackagedStack;
let template: Template;
beforeAll(async () => {
  stack = await packageStack({ stage: "dev" });
  ({ template } = stack);
}, 180_000);
afterAll(() => stack?.remove());

const roles = (): string[] => namesOf(template, "AWS::IAM::Role");
const may = (role: string, action: string, resource: string): boolean => mayEver(statementsOf(template, role), action, resource);
/** The roles that may do something to one of these. */
const whoMay = (action: string, ...resources: readonly string[]): string[] =>
  roles()
    .filter((role) => resources.some((resource) => may(role, action, resource)))
    .sort();

describe("every role", () => {
  it("is taken on by one service, of functions, machines and schedules; what also runs in a container, by that as well", () => {
    const inContainers: string[] = [];
    for (const role of roles()) {
      const { AssumeRolePolicyDocument } = propertiesOf(template, role) as {
        AssumeRolePolicyDocument: { Statement: readonly { Principal: Record<string, string>; Condition?: unknown }[] };
      };
      const [first, second, ...more] = AssumeRolePolicyDocument.Statement;
      expect(more, role).toEqual([]);
      for (const trusted of [first, second]) {
        if (trusted === undefined) continue;
        expect(Object.keys(trusted.Principal), role).toEqual(["Service"]);
        if (trusted === first && ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"].includes(String(trusted.Principal["Service"])))
          continue;
        expect(trusted.Condition, role).toEqual({ StringEquals: { "aws:SourceAccount": "123456789012" } });
      }
      if (second === undefined) continue;
      expect([first?.Principal["Service"], second.Principal["Service"]], role).toEqual([
        "lambda.amazonaws.com",
        "ecs-tasks.amazonaws.com",
      ]);
      inContainers.push(role);
    }
    const own = ["Dump", "Prove"].flatMap((work) => ["Db1", "Dbx2d1", "Taskmaster"].map((source) => `${work}${source}Role`));
    expect(inContainers.sort()).toEqual([...own, "RestoreRole", "SafeguardRole"].sort());
  });

  it("of a source is named and placed as `plan` says, where the machines may hand it on", () => {
    const names = { prefix: "holdfast-dev", roles: "arn:aws:iam::123456789012:role/holdfast-dev/eu-central-1" };
    for (const source of ["db1", "db-1", "taskmaster"]) {
      const { dumpRole, proveRole } = { ...dumpNames(names, source), ...proveNames(names, source) };
      for (const arn of [dumpRole, proveRole]) {
        const [, path, name] = /role(\/.*\/)([^/]+)$/.exec(arn) ?? [];
        const made = roles().filter((role) => propertiesOf(template, role)["RoleName"] === name);
        expect(made.map((role) => propertiesOf(template, role)["Path"])).toEqual([path]);
        expect(may("BackupMachineRole", "iam:PassRole", arn)).toBe(true);
      }
      for (const machine of ["RestoreTestMachineRole", "VerifyMachineRole"]) {
        expect([dumpRole, proveRole].map((arn) => may(machine, "iam:PassRole", arn))).toEqual([false, true]);
      }
      for (const machine of ["RestoreMachineRole", "FleetMachineRole"]) {
        expect([dumpRole, proveRole].map((arn) => may(machine, "iam:PassRole", arn))).toEqual([false, false]);
      }
    }
  });

  it("of a source writes streams of its own function alone into the log of all", () => {
    const stream = (name: string): string =>
      `arn:aws:logs:eu-central-1:123456789012:log-group:/holdfast/holdfast-dev/sources:log-stream:2026/11/28/${name}[$LATEST]0a1b`;
    expect(whoMay("logs:PutLogEvents", stream("holdfast-dev-prove-db1"))).toEqual(["ProveDb1Role"]);
    expect(whoMay("logs:CreateLogStream", stream("holdfast-dev-prove-db1"))).toEqual(["ProveDb1Role"]);
    expect(whoMay("logs:PutLogEvents", stream("holdfast-dev-prove-db"))).toEqual([]);
    expect(whoMay("logs:PutLogEvents", stream("holdfast-dev-dump-db-1"))).toEqual(["DumpDbx2d1Role"]);
  });

  it("belongs to one function alone", () => {
    const used = namesOf(template, "AWS::Lambda::Function").map((name) => String(propertiesOf(template, name)["Role"]));
    expect(new Set(used).size).toBe(used.length);
    expect(used.length).toBe(22);
  });

  it("names its actions one by one, and what they are on; where it cannot, its statement says why", () => {
    for (const role of roles()) {
      for (const { Sid = "", Effect, Action, Resource } of statementsOf(template, role)) {
        expect(
          Action.filter((action) => Effect === "Allow" && action.includes("*")),
          role,
        ).toEqual([]);
        // A denial may be as wide as it likes.
        const allowed = Effect === "Allow" ? Resource : [];
        const wide = allowed.filter((resource) => resource === "*" || /^arn:([^:]*:){4}[^:/]*[:/]?(\*|[^:/]*-\*)/.test(resource));
        const unexplained = wide.filter(() => !reasons.test(Sid));
        expect(unexplained, `${role} ${Sid} ${Action.join(", ")}`).toEqual([]);
      }
    }
  });

  it.each(forbiddenToAll)("may not %s", (action) => {
    const targets = [
      ...places,
      "arn:aws:s3:::acme-backups",
      key("SealingKeyAcmex2dbackups"),
      key("StorageKeyAcmex2dbackups"),
      secret("other/db"),
    ];
    const named = roles().filter((role) =>
      statementsOf(template, role).some(({ Effect, Action }) => Effect === "Allow" && Action.includes(action)),
    );
    expect(named).toEqual([]);
    expect(whoMay(action, ...targets)).toEqual([]);
  });

  it("may pass on the roles of containers to containers, and no other", () => {
    for (const role of roles()) {
      for (const { Action, Resource, Condition } of statementsOf(template, role)) {
        if (!Action.includes("iam:PassRole")) continue;
        expect(Condition, role).toEqual({ StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } });
        const others = Resource.filter(
          (arn) =>
            !/(\/restore\/RestoreRole|\/safeguard\/SafeguardRole|TaskExecutionRole|\/holdfast-dev\/eu-central-1\/(dump|prove)\/\*)$/.test(
              arn,
            ),
        );
        expect(others, role).toEqual([]);
      }
    }
  });
});

describe("in the vault", () => {
  it("only prune deletes", () => {
    for (const action of ["s3:DeleteObject", "s3:DeleteObjectVersion"]) {
      expect(whoMay(action, objects.manifest, objects.artifact, objects.evidence, objects.hold)).toEqual(["PruneRole"]);
      expect(whoMay(action, objects.document)).toEqual([]);
    }
  });

  it("a dump writes its own source's backups, and sees and touches no other's", () => {
    const other = places.slice(0, 4);
    for (const role of ["DumpTaskmasterRole", "DumpDbx2d1Role"]) {
      for (const action of ["s3:PutObject", "s3:GetObject", "s3:PutObjectRetention", "s3:AbortMultipartUpload"]) {
        for (const place of other) expect(may(role, action, place), `${role} ${action} ${place}`).toBe(false);
      }
      expect(may(role, "s3:PutObject", `${state}/leases/writing/db1/backup.json`)).toBe(false);
    }
    expect(may("DumpDb1Role", "s3:PutObject", objects.artifact)).toBe(true);
    expect(may("DumpDb1Role", "s3:PutObject", objects.manifest)).toBe(true);
    for (const place of [objects.evidence, objects.hold]) expect(may("DumpDb1Role", "s3:PutObject", place)).toBe(false);
  });

  it("what proves a source's backups writes its own read marks and findings, and nothing into the vault", () => {
    for (const role of ["ProveDb1Role"]) {
      for (const place of places) {
        expect(may(role, "s3:PutObject", place), `${role} ${place}`).toBe(false);
      }
      const written = statementsOf(template, role)
        .filter(({ Action }) => Action.some((action) => /^s3:(Put|Delete|Abort|Restore|Replicate)/.test(action)))
        .flatMap(({ Resource }) => Resource);
      expect([...new Set(written)].sort()).toEqual([`${state}/holdfast-dev/unsigned/db1/*`, `${state}/leases/reading/db1/*`]);
      expect(may(role, "s3:GetObject", `${state}/holdfast-dev/unsigned/db1/x`)).toBe(false);
    }
  });

  it("only `record` writes evidence, from what others handed over, and it reads no artifact, secret or sealed byte", () => {
    expect(whoMay("s3:PutObject", objects.evidence)).toEqual(["RecordRole"]);
    const findings = `${state}/holdfast-dev/unsigned/db1/20261120T020000Z-full-7k3f9a/0/1.json`;
    expect(whoMay("s3:PutObject", findings)).toEqual(["ProveDb1Role", "RestoreRole", "SafeguardRole"]);
    for (const action of ["s3:GetObject", "s3:DeleteObject"]) expect(whoMay(action, findings)).toEqual(["RecordRole"]);
    for (const place of [objects.manifest, objects.artifact, objects.hold, objects.document]) {
      expect(may("RecordRole", "s3:PutObject", place), place).toBe(false);
    }
    expect(may("RecordRole", "s3:GetObject", objects.artifact)).toBe(false);
    expect(may("RecordRole", "kms:Decrypt", key("SealingKeyAcmex2dbackups"))).toBe(false);
    const secrets = statementsOf(template, "RecordRole").filter(({ Action }) => Action.includes("secretsmanager:GetSecretValue"));
    expect(secrets.flatMap(({ Resource }) => Resource)).toEqual([secret("holdfast-dev/policy").replace("AbCdEf", "??????")]);
  });

  it("`erase-add` adds to erasure ledgers, opens nothing, and touches nothing else", () => {
    const erasures = [`${vault}/erasures/db1/0000000001.json`, `${vault}/erasure-ids/db1/0a.json`];
    for (const place of erasures) {
      expect(whoMay("s3:PutObject", place)).toEqual(["EraseAddRole"]);
      for (const action of ["s3:DeleteObject", "s3:DeleteObjectVersion"]) expect(whoMay(action, place)).toEqual([]);
    }
    const { document, ...others } = objects;
    const s3 = new Set(
      statementsOf(template, "EraseAddRole").flatMap(({ Action }) => Action.filter((each) => each.startsWith("s3:"))),
    );
    for (const action of s3) {
      if (action === "s3:ListBucket") continue;
      for (const place of Object.values(others)) expect(may("EraseAddRole", action, place), `${action} ${place}`).toBe(false);
    }
    expect(may("EraseAddRole", "s3:PutObject", document)).toBe(false);
    expect(may("EraseAddRole", "kms:Decrypt", key("SealingKeyAcmex2dbackups"))).toBe(false);
    const secrets = statementsOf(template, "EraseAddRole").filter(({ Action }) => Action.includes("secretsmanager:GetSecretValue"));
    expect(secrets.flatMap(({ Resource }) => Resource)).toEqual([secret("holdfast-dev/policy").replace("AbCdEf", "??????")]);
  });

  it("what proves another source's backups opens, writes, marks and locks nothing of this one's", () => {
    const marks = `${state}/leases/reading/db1/20261120T020000Z-full-7k3f9a/mark.json`;
    const findings = `${state}/holdfast-dev/unsigned/db1/20261120T020000Z-full-7k3f9a/0/1.json`;
    for (const role of ["ProveTaskmasterRole", "ProveDbx2d1Role"]) {
      const actions = new Set(statementsOf(template, role).flatMap(({ Action }) => Action));
      for (const action of [...actions].filter((each) => each.startsWith("s3:"))) {
        for (const place of [...places.slice(0, 4), marks, findings])
          expect(may(role, action, place), `${role} ${action} ${place}`).toBe(false);
      }
    }
  });

  it("those who decide and tell read small documents alone", () => {
    for (const role of ["PlanRole", "DueRole", "NotifyRole", "OnExecutionRole", "WatchRole", "SlackRole", "StartRole"]) {
      expect(may(role, "s3:GetObject", objects.artifact), role).toBe(false);
      for (const place of places) expect(may(role, "s3:PutObject", place), `${role} ${place}`).toBe(false);
    }
  });

  it("locks are made with what is written, and made longer by prune; who puts a legal hold on cannot lift it", () => {
    expect(whoMay("s3:PutObjectRetention", objects.manifest)).toEqual(["DumpDb1Role", "PruneRole"]);
    expect(whoMay("s3:PutObjectLegalHold", ...places)).toEqual(["PruneRole"]);
    const holds = statementsOf(template, "PruneRole").filter(({ Action }) => Action.includes("s3:PutObjectLegalHold"));
    expect(holds.map(({ Condition }) => Condition)).toEqual([{ StringEquals: { "s3:object-lock-legal-hold": "ON" } }]);
  });
});

describe("of secrets and keys", () => {
  it("each dump reads its own connection; restore and what backs up its target read all; nobody else any", () => {
    const readers = (name: string): string[] => whoMay("secretsmanager:GetSecretValue", secret(name));
    expect(readers("taskmaster/db")).toEqual(["DumpTaskmasterRole", "RestoreRole", "SafeguardRole"]);
    expect(readers("one/db")).toEqual(["DumpDbx2d1Role", "RestoreRole", "SafeguardRole"]);
    expect(readers("other/db")).toEqual(["DumpDb1Role", "RestoreRole", "SafeguardRole"]);
    expect(whoMay("secretsmanager:GetSecretValue", secret("holdfast/slack"))).toEqual(["SlackRole"]);
    expect(whoMay("secretsmanager:GetSecretValue", secret("somebody/elses"))).toEqual([]);
  });

  it("only dumps seal, each for its own source, `safeguard` safety backups, and `erase-add` erasures; only those who read backups open; those who quote or delete open manifests' seals", () => {
    const sealing = key("SealingKeyAcmex2dbackups");
    expect(whoMay("kms:GenerateDataKey", sealing)).toEqual([
      "DumpDb1Role",
      "DumpDbx2d1Role",
      "DumpTaskmasterRole",
      "EraseAddRole",
      "SafeguardRole",
    ]);
    const erasing = statementsOf(template, "EraseAddRole").filter(
      ({ Action, Resource }) => Action.includes("kms:GenerateDataKey") && Resource.includes(sealing),
    );
    expect(erasing.map(({ Condition }) => Condition)).toEqual([
      { StringEquals: { "kms:EncryptionContext:holdfast:artifact": "erasure" } },
    ]);
    const readers = ["ProveDb1Role", "ProveDbx2d1Role", "ProveTaskmasterRole", "RestoreRole", "SafeguardRole"];
    const safety = statementsOf(template, "SafeguardRole").filter(
      ({ Action, Resource }) =>
        ["kms:GenerateDataKey", "kms:Decrypt"].some((action) => Action.includes(action)) && Resource.includes(sealing),
    );
    expect(safety.map(({ Condition }) => Condition)).toEqual(
      Array.from({ length: 2 }, () => ({ StringLike: { "kms:EncryptionContext:holdfast:source": "*.pre-restore" } })),
    );
    const ofSeals = ["NotifyRole", "OnExecutionRole", "PruneRole", "RequestRole", "WatchRole"];
    expect(whoMay("kms:Decrypt", sealing)).toEqual([...readers, ...ofSeals].sort());
    for (const role of ofSeals) {
      const own = statementsOf(template, role).filter(
        ({ Action, Resource }) => Action.includes("kms:Decrypt") && Resource.includes(sealing),
      );
      expect(
        own.map(({ Condition }) => Condition),
        role,
      ).toEqual([{ StringEquals: { "kms:EncryptionContext:holdfast:artifact": "manifest" } }]);
    }
    const bound = [
      ["DumpDb1Role", "kms:GenerateDataKey"],
      ["ProveDb1Role", "kms:Decrypt"],
    ] as const;
    for (const [role, action] of bound) {
      const own = statementsOf(template, role).filter(
        ({ Action, Resource }) => Action.includes(action) && Resource.includes(sealing),
      );
      expect(
        own.map(({ Condition }) => Condition),
        role,
      ).toEqual([{ StringEquals: { "kms:EncryptionContext:holdfast:source": "db1" } }]);
    }
  });
});

describe("machines and schedules", () => {
  /** What a machine's definition calls, as ARNs. */
  function calledBy(name: string): string[] {
    const text = String(propertiesOf(template, name)["DefinitionString"]);
    return [...new Set(text.match(/arn:aws:lambda:[\w:-]+/g) ?? [])].sort();
  }

  it.each(["Backup", "RestoreTest", "Restore", "Verify", "Fleet"])(
    "%s may invoke the functions that it names, and no other",
    (stem) => {
      const allowed = statementsOf(template, `${stem}MachineRole`)
        .filter(({ Action }) => Action.includes("lambda:InvokeFunction"))
        .flatMap(({ Resource }) => Resource);
      const ofSources: Readonly<Record<string, readonly string[]>> = {
        Backup: [lambda("dump-*"), lambda("prove-*")],
        RestoreTest: [lambda("prove-*")],
        Verify: [lambda("prove-*")],
      };
      const expected = [...calledBy(`${stem}Machine`), ...(ofSources[stem] ?? [])];
      expect(allowed.sort()).toEqual(expected.sort());
    },
  );

  it("touch neither vault, secrets nor keys; a Distributed Map reads its list", () => {
    const own = roles().filter((role) => role.endsWith("MachineRole") || role === "SchedulerRole");
    expect(own).toHaveLength(6);
    for (const role of own) {
      const services = new Set(statementsOf(template, role).flatMap(({ Action }) => Action.map((action) => action.split(":")[0])));
      for (const service of ["secretsmanager", "kms", "sns"]) expect(services.has(service), `${role} ${service}`).toBe(false);
      const lists = statementsOf(template, role).filter(({ Action }) => Action.some((action) => action.startsWith("s3:")));
      for (const { Action, Resource } of lists) {
        expect([Action, Resource], role).toEqual([["s3:GetObject"], [`${state}/holdfast-dev/lists/*`]]);
      }
    }
  });

  it("containers are started on the stack's own cluster alone", () => {
    for (const role of roles()) {
      for (const { Action, Condition } of statementsOf(template, role)) {
        if (!Action.includes("ecs:RunTask")) continue;
        expect(Condition, role).toEqual({
          ArnEquals: { "ecs:cluster": "arn:aws:ecs:eu-central-1:123456789012:cluster/holdfast-dev" },
        });
      }
    }
  });

  it("a schedule invokes `start` and `watch`; `start` starts what is scheduled, never a restore, and `ask` that alone", () => {
    const invoked = statementsOf(template, "SchedulerRole").filter(({ Action }) => Action.includes("lambda:InvokeFunction"));
    expect(invoked.flatMap(({ Resource }) => Resource)).toEqual([lambda("start"), lambda("watch")]);
    expect(whoMay("states:StartExecution", machine("restore"))).toEqual(["AskRole"]);
    expect(whoMay("states:StartExecution", machine("backup"))).toEqual(["FleetMachineRole", "StartRole"]);
    expect(whoMay("states:StartExecution", machine("verify"))).toEqual(["StartRole", "VerifyMachineRole"]);
    expect(whoMay("states:StartExecution", machine("fleet"))).toEqual(["FleetMachineRole", "StartRole"]);
  });
});

describe("the public", () => {
  it("is kept out of every bucket, topic, queue and function", () => {
    for (const name of namesOf(template, "AWS::S3::Bucket")) {
      expect(propertiesOf(template, name)["PublicAccessBlockConfiguration"], name).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      });
    }
    for (const type of ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"]) {
      for (const name of namesOf(template, type)) {
        const granted = readStatements(template, propertiesOf(template, name)["PolicyDocument"]).filter(
          ({ Effect }) => Effect === "Allow",
        );
        for (const { Principal, Condition } of granted) {
          expect(Object.keys(Principal as object), name).toEqual(["Service"]);
          expect(Condition, name).toEqual({ StringEquals: { "aws:SourceAccount": "123456789012" } });
        }
      }
    }
    for (const name of namesOf(template, "AWS::Lambda::Permission")) {
      const { Principal, SourceArn } = propertiesOf(template, name);
      expect([String(Principal).endsWith(".amazonaws.com"), SourceArn === undefined], name).toEqual([true, false]);
    }
    expect(namesOf(template, "AWS::Lambda::Url")).toEqual([]);
  });
});
