/**
 * Least privilege, proven by trying: every call with every role's own credentials, under
 * enforcement.
 */
import { GetRoleCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { ListResourceTagsCommand } from "@aws-sdk/client-kms";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { beforeAll, describe, expect, test } from "vitest";
import { account } from "../../../scripts/cloud-stack.ts";
import { type Answer, type Attempt, attemptsIn, findSubjects } from "../attempts.ts";
import { type Clients, clientsAt, type TestCloud } from "../cloud.ts";

/** Every role of the stack, by its logical id. */
const roles = [
  "StartRole",
  "PlanRole",
  "DueRole",
  "DumpTaskmasterRole",
  "DumpBillingRole",
  "ProveTaskmasterRole",
  "ProveBillingRole",
  "RecordRole",
  "RestoreRole",
  "PruneRole",
  "NotifyRole",
  "OnExecutionRole",
  "WatchRole",
  "SlackRole",
  "SchedulerRole",
  "BackupMachineRole",
  "RestoreTestMachineRole",
  "RestoreMachineRole",
  "VerifyMachineRole",
  "FleetMachineRole",
  "TaskExecutionRole",
] as const;
type RoleName = (typeof roles)[number];

type Row = Readonly<Record<RoleName, Answer>>;

export function rightsSuite(cloud: () => TestCloud): void {
  describe("rights", () => {
    let attempts: readonly Attempt[];
    let rows: ReadonlyMap<string, Row>;
    beforeAll(async () => {
      const clients = await assumeAll(cloud());
      attempts = attemptsIn(await findSubjects(cloud()));
      rows = new Map();
      const table = new Map<string, Row>();
      for (const attempt of attempts) {
        const answers = await Promise.all(roles.map(async (role) => [role, await attempt.as(clients[role])] as const));
        table.set(attempt.call, Object.fromEntries(answers) as Row);
      }
      rows = table;
      console.log(describeTable(rows));
    });

    test("a role may do what its step needs of these calls, and nothing else", () => {
      const found = attempts.map(({ call }) => [call, roles.filter((role) => rows.get(call)?.[role] === "allowed")]);
      const wanted = attempts.map(({ call, allowed }) => [call, roles.filter((role) => allowed.includes(role))]);
      expect(found).toEqual(wanted);
    });

    test("whatever is not allowed is denied, for no other reason", () => {
      const others = [...rows].flatMap(([call, row]) =>
        roles.filter((role) => row[role] !== "allowed" && row[role] !== "denied").map((role) => `${call} as ${role}: ${row[role]}`),
      );
      expect(others).toEqual([]);
    });

    test("every key carries the stage's tag, by which its deployer may delete it", async () => {
      const keys = [...(await cloud().resources())].filter(([name]) => /Key/.test(name) && !name.endsWith("Alias"));
      expect(keys.length).toBeGreaterThan(3);
      for (const [name, KeyId] of keys) {
        const { Tags } = await cloud().clients.kms.send(new ListResourceTagsCommand({ KeyId }));
        expect(Tags, name).toContainEqual({ TagKey: "holdfast", TagValue: "local" });
      }
    });

    test("the table has something to compare with: the account's root may do all of it that a lock or a policy does not forbid", async () => {
      const root = cloud().clients;
      const harmless = attempts.filter(({ harmless: so }) => so);
      expect(harmless.length).toBeGreaterThan(8);
      for (const attempt of harmless) expect(await attempt.as(root), attempt.call).toBe("allowed");
    });
  });
}

async function assumeAll(cloud: TestCloud): Promise<Readonly<Record<RoleName, Clients>>> {
  const physical = await cloud.resources();
  const entries = roles.map(async (role) => {
    const name = physical.get(role);
    if (name === undefined)
      throw new Error(`the stack has no ${role}: ${[...physical.keys()].filter((each) => each.endsWith("Role")).join(", ")}`);
    const command = new AssumeRoleCommand({ RoleArn: await letRootAssume(cloud, name), RoleSessionName: role });
    const { Credentials } = await cloud.clients.sts.send(command);
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
    };
    return [role, clientsAt(cloud.local.ministack.endpoint, credentials)] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<RoleName, Clients>;
}

/**
 * Each role trusts one AWS service alone. Whom it trusts says nothing of what it may: for the test,
 * it trusts this account's root too. Gives its ARN.
 */
async function letRootAssume({ clients: { iam } }: TestCloud, RoleName: string): Promise<string> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  const trust = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")) as { Statement: unknown[] };
  const root = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" };
  const PolicyDocument = JSON.stringify({ ...trust, Statement: [...trust.Statement, root] });
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
  return Role?.Arn ?? "";
}

/** Calls in rows, roles in numbered columns: `+` allowed, `.` denied. */
function describeTable(rows: ReadonlyMap<string, Row>): string {
  const width = Math.max(...[...rows.keys()].map(({ length }) => length));
  const marks: Readonly<Record<string, string>> = { allowed: "+", denied: "." };
  const legend = roles.map((role, index) => `${String(index + 1).padStart(4)} ${role}`);
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(3)).join("")}`;
  return [
    "role x call, tried with each role's credentials: + allowed, . AccessDenied",
    ...legend,
    line(
      "",
      roles.map((_role, index) => String(index + 1)),
    ),
    ...[...rows].map(([call, row]) =>
      line(
        call,
        roles.map((role) => marks[row[role]] ?? "?"),
      ),
    ),
  ].join("\n");
}
