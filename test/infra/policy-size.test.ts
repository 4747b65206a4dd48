/** Rights of the largest fleet against what IAM takes. */
import { describe, expect, it } from "vitest";
import { fargateResources } from "../../infra/fargate.ts";
import { functionRoles, restorePolicies } from "../../infra/function-roles.ts";
import { machineRoles } from "../../infra/machines.ts";
import { managedSizes, maxManagedCharacters, maxPolicyCharacters, policySizes } from "../../infra/policy-size.ts";
import { refuseLongRights } from "../../infra/refusals.ts";
import { scheduleResources } from "../../infra/schedules.ts";
import { allow, type Resources, role } from "../../infra/template.ts";
import { deploy, samplePolicyText, withSources } from "./deployments.ts";

/** As many as a deployment is made for (ADR 0041), with names longer than people write. */
const names = Array.from({ length: 200 }, (_, index) => `a-database-with-a-long-name-of-a-team-${String(index).padStart(3, "0")}`);
const targets = names.map((name) => `  restore-${name}: secret:restore/${name}`).join("\n");
const fleet = withSources(names).replace("alerts:\n", `restoreTargets:\n${targets}\nalerts:\n`);

function sizesOf(text: string, given = {}): ReadonlyMap<string, number> {
  return policySizes(rolesOf(text, given));
}

function rolesOf(text: string, given = {}): Resources {
  const deployment = deploy(text, { vault: "existing", ...given });
  return {
    ...functionRoles(deployment),
    ...restorePolicies(deployment),
    ...machineRoles(deployment),
    ...fargateResources(deployment),
    ...scheduleResources(deployment),
  };
}

describe("the rights of a role", () => {
  it("fit into IAM for the largest fleet, each", () => {
    for (const vault of ["create", "existing"]) {
      const sizes = sizesOf(fleet, { vault });
      expect(sizes.size).toBeGreaterThan(400);
      for (const [name, size] of sizes) expect(size, name).toBeLessThan(maxPolicyCharacters);
    }
  });

  it("grow with the number of sources in the role of restores alone, and what is too much for it goes into policies beside it", () => {
    const [few, many] = [sizesOf(samplePolicyText), sizesOf(withSources(names))];
    const grown = [...few].filter(([name, size]) => (many.get(name) ?? 0) > size).map(([name]) => name);
    expect(grown.sort()).toEqual(["RestoreRole"]);
    expect(managedSizes(rolesOf(samplePolicyText)).size).toBe(0);
    const managed = managedSizes(rolesOf(fleet));
    // IAM and AWS STS quotas: ten are attached to a role.
    expect(managed.size).toBe(10);
    for (const [name, size] of managed) expect(size, name).toBeLessThan(maxManagedCharacters);
  });

  it("that would not fit are refused before anything is packaged, by the role's name", () => {
    const arns = Array.from({ length: 200 }, (_, index) => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${index}`);
    const resources = { LongRole: role("lambda.amazonaws.com", [allow(["secretsmanager:GetSecretValue"], arns)]) };
    expect(() => refuseLongRights(resources)).toThrow(
      expect.objectContaining({ name: "PolicyInvalid", details: [expect.stringContaining("LongRole: ")] }),
    );
  });
});
