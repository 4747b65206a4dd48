/** The stack goes and comes again; the vault stays, and everything in it is found. */
import { join } from "node:path";
import { ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListStateMachinesCommand } from "@aws-sdk/client-sfn";
import { beforeAll, describe, expect, test } from "vitest";
import { rootEnvironment, stackName } from "../../../scripts/cloud-stack.ts";
import { runOk } from "../../support/processes.ts";
import type { TestCloud } from "../cloud.ts";
import { execute } from "../executions.ts";
import { silencePolicy } from "../policy.ts";
import { restSchedules, schedulesOf } from "../schedules.ts";
import { keysIn } from "../vault.ts";

export function redeploySuite(cloud: () => TestCloud): void {
  describe("a second deployment onto the vault", () => {
    let before: State;
    let between: State;
    let after: State;
    beforeAll(async () => {
      // What fired between two looks would be a difference that no deployment made.
      silencePolicy(cloud().policyFile);
      await restSchedules(cloud());
      before = await look(cloud());
      await cloud().local.remove("create");
      between = await look(cloud(), false);
      await cloud().local.deploy("existing");
      after = await look(cloud());
    });

    test("deleting the stack takes machines, schedules and its nested stacks, and leaves every object of the vault", () => {
      expect(before.machines).toHaveLength(5);
      // Four sources have two each, in nested stacks; ten or more are shared.
      expect(before.functions.length).toBeGreaterThan(18);
      expect(between).toMatchObject({ machines: [], schedules: [], functions: [], objects: before.objects });
      expect(before.objects.length).toBeGreaterThan(20);
    });

    test("`list` finds every backup again, in the state that its evidence says", () => {
      const manifests = before.objects.filter((key) => /^manifests\/.*\/\d{8}T\d{6}Z-full-[a-z0-9]+\.json$/.test(key));
      expect(before.list.filter(({ source }) => source !== "scratch")).toHaveLength(manifests.length);
      expect(after.list).toEqual(before.list);
    });

    test("machines and schedules are complete again", () => {
      expect(after.machines).toEqual(before.machines);
      expect(after.functions).toEqual(before.functions);
      expect(after.schedules).toEqual(before.schedules);
      expect(after.schedules).toEqual(
        expect.arrayContaining([
          "backup-taskmaster-full",
          "backup-shop-eu-full",
          // Of billing and scratch, which begin together.
          expect.stringMatching(/^fleet-backup-full-/),
        ]),
      );
    });

    test("a backup and a restore test run, and read what the first stack wrote", async () => {
      const backup = await execute(cloud(), "backup", { source: "shop-eu", kind: "full" });
      expect(backup).toMatchObject({ status: "SUCCEEDED", output: { outcome: "verified" } });
      const [oldest = ""] = before.list
        .filter(({ source, state }) => source === "shop-eu" && state === "verified")
        .map(({ id }) => id)
        .sort();
      const test = await execute(cloud(), "restore-test", { source: "shop-eu", backup: oldest });
      expect(test).toMatchObject({ status: "SUCCEEDED", output: { backupId: oldest, outcome: "proven" } });
    });
  });
}

interface Listed {
  readonly id: string;
  readonly source: string;
  readonly state: string;
}

interface State {
  readonly machines: readonly string[];
  readonly functions: readonly string[];
  readonly schedules: readonly string[];
  readonly objects: readonly string[];
  readonly list: readonly Listed[];
}

async function look(cloud: TestCloud, withList = true): Promise<State> {
  const { stateMachines = [] } = await cloud.clients.sfn.send(new ListStateMachinesCommand({}));
  const { Functions = [] } = await cloud.clients.lambda.send(new ListFunctionsCommand({}));
  return {
    machines: stateMachines.map(({ name }) => name ?? "").sort(),
    functions: Functions.map(({ FunctionName }) => FunctionName ?? "").sort(),
    schedules: await schedulesOf(cloud),
    objects: (await keysIn(cloud, "")).filter((key) => !key.startsWith("probes/")),
    list: withList ? await list(cloud) : [],
  };
}

/** As a person at another desk: the policy comes from the stack. */
async function list(cloud: TestCloud): Promise<Listed[]> {
  const env = { ...process.env, ...rootEnvironment(cloud.local.ministack.endpoint) };
  const launcher = join(import.meta.dirname, "../../../bin/holdfast.mjs");
  const { backups } = JSON.parse(await runOk(process.execPath, [launcher, "--stack", stackName, "--json", "list"], { env })) as {
    backups: Listed[];
  };
  return backups.map(({ id, source, state }) => ({ id, source, state }));
}
