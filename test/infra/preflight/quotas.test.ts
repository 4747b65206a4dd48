import { describe, expect, it } from "vitest";
import { judgeStack } from "../../../infra/preflight/names.ts";
import { demandsOf, judgeQuota } from "../../../infra/preflight/quotas.ts";
import { deploy, withSources } from "../deployments.ts";

const names = Array.from({ length: 38 }, (_, index) => `more${index}`);
const made = new Map([
  ["AWS::IAM::Role", 30],
  ["AWS::EC2::VPC", 2],
]);

function levelsOf(values: Readonly<Record<string, number>>, used = {}): Record<string, string> {
  const demands = demandsOf(deploy(withSources(names)), made, used);
  return Object.fromEntries(
    demands.map((demand) => [demand.quota, judgeQuota(demand, values[demand.quota], "eu-central-1").level]),
  );
}

const plenty = { concurrency: 1000, fargate: 100, builds: 1, roles: 1000, networks: 5 };

describe("the quotas of an account", () => {
  it("that has plenty are well", () => {
    expect(levelsOf(plenty)).toEqual({ concurrency: "ok", fargate: "ok", builds: "ok", roles: "ok", networks: "ok" });
  });

  it("of a new account let everything work, and make some wait", () => {
    expect(levelsOf({ concurrency: 10, fargate: 6, builds: 0, roles: 1000, networks: 5 })).toEqual({
      concurrency: "warning",
      fargate: "warning",
      builds: "warning",
      roles: "ok",
      networks: "ok",
    });
  });

  it("that are 0, or taken by others, are errors", () => {
    expect(levelsOf({ ...plenty, concurrency: 0, fargate: 0 })).toMatchObject({ concurrency: "error", fargate: "error" });
    expect(levelsOf(plenty, { roles: 971, networks: 4 })).toMatchObject({ roles: "error", networks: "error" });
    expect(levelsOf(plenty, { roles: 970, networks: 3 })).toMatchObject({ roles: "ok", networks: "ok" });
  });

  it("that AWS does not say are not known", () => {
    expect(levelsOf({})).toMatchObject({ concurrency: "warning", networks: "warning" });
  });

  it("are asked for as the busiest minute and what is there already need them", () => {
    const [concurrency, , , roles] = demandsOf(deploy(withSources(names)), made, { roles: 990 });
    if (concurrency === undefined || roles === undefined) throw new Error("both are asked");
    expect(judgeQuota(concurrency, 10, "eu-central-1").remedy).toMatch(
      /^Ask for 43 or more: .*--region eu-central-1 .*--desired-value 43 /,
    );
    expect(judgeQuota(roles, 1000, "eu-central-1").remedy).toMatch(
      /^Ask for 1020 or more: .*--region us-east-1 --service-code iam /,
    );
  });

  it("of containers and builds matter only where there is an image", () => {
    const asked = demandsOf(deploy(undefined, { stage: "local", image: "" }), new Map(), {}).map(({ quota }) => quota);
    expect(asked).toEqual(["concurrency"]);
  });
});

it.each([
  [undefined, "ok", /does not exist yet/],
  ["UPDATE_COMPLETE", "ok", /is updated/],
  ["UPDATE_ROLLBACK_COMPLETE", "ok", /is updated/],
  ["ROLLBACK_COMPLETE", "error", /can only be deleted/],
  ["DELETE_FAILED", "error", /can only be deleted/],
  ["UPDATE_ROLLBACK_FAILED", "error", /UPDATE_ROLLBACK_FAILED/],
  ["UPDATE_IN_PROGRESS", "error", /UPDATE_IN_PROGRESS/],
])("a stack whose status is %s is %s", (status, level, message) => {
  expect(judgeStack("holdfast-prod", status)).toMatchObject({ level, message: expect.stringMatching(message) });
});
