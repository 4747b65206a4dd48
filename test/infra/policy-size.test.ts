/** Rights of the largest fleet against what IAM takes. */
import { describe, expect, it } from "vitest";
import { fargateResources } from "../../infra/fargate.ts";
import { functionRoles, restorePolicies } from "../../infra/function-roles.ts";
import { machineRoles } from "../../infra/machines.ts";
import { documentSizes, managedSizes, maxManagedCharacters, maxPolicyCharacters, policySizes } from "../../infra/policy-size.ts";
import { refuseLongRights } from "../../infra/refusals.ts";
import { scheduleResources } from "../../infra/schedules.ts";
import { allow, type Resources, role } from "../../infra/template.ts";
import { vaultResources } from "../../infra/vault.ts";
import { ownerResources } from "../../infra/vault-owner/pruning.ts";
import { deploy, inAnotherAccount, samplePolicyText, withSources } from "./deployments.ts";
import { ownerOf } from "./vault-owner/two-accounts.ts";

/** As many as a deployment is made for (ADR 0041), with names longer than people write. */
const names = Array.from({ length: 200 }, (_, index) => `a-database-with-a-long-name-of-a-team-${String(index).padStart(3, "0")}`);
const targets = names.map((name) => `  restore-${name}: secret:restore/${name}`).join("\n");
const fleet = withSources(names).replace("alerts:\n", `restoreTargets:\n${targets}\nalerts:\n`);

function sizesOf(text: string, given = {}): ReadonlyMap<string, number> {
  return policySizes(rolesOf(text, given));
}

function rolesOf(text: string, given = {}): Resources {
  const deployment = deploy(text, { vault: "existing", proving: "open", ...given });
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
    for (const vault of ["create", "existing", "foreign"]) {
      const sizes = sizesOf(vault === "foreign" ? inAnotherAccount(fleet) : fleet, { vault });
      expect(sizes.size).toBeGreaterThan(400);
      for (const [name, size] of sizes) expect(size, name).toBeLessThan(maxPolicyCharacters);
    }
  });

  it("grow with the number of sources in the roles of restores alone, and what is too much for it goes into policies beside it", () => {
    const [few, many] = [sizesOf(samplePolicyText), sizesOf(withSources(names))];
    const grown = [...few].filter(([name, size]) => (many.get(name) ?? 0) > size).map(([name]) => name);
    expect(grown.sort()).toEqual(["RestoreRole", "SafeguardRole"]);
    expect(managedSizes(rolesOf(samplePolicyText)).size).toBe(0);
    const managed = managedSizes(rolesOf(fleet));
    // IAM and AWS STS quotas: ten are attached to a role.
    expect(managed.size).toBe(10);
    for (const [name, size] of managed) expect(size, name).toBeLessThan(maxManagedCharacters);
  });

  it("is trusted by a document that fits", () => {
    const roles = documentSizes(rolesOf(inAnotherAccount(fleet), { vault: "foreign" }));
    expect(roles.length).toBeGreaterThan(400);
    for (const { name, size, max } of roles) expect(size, name).toBeLessThan(max);
  });

  it("that would not fit are refused before anything is packaged, by the role's name", () => {
    const arns = Array.from({ length: 200 }, (_, index) => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${index}`);
    const resources = { LongRole: role("lambda.amazonaws.com", [allow(["secretsmanager:GetSecretValue"], arns)]) };
    expect(() => refuseLongRights(resources)).toThrow(
      expect.objectContaining({ name: "PolicyInvalid", details: [expect.stringContaining("LongRole: ")] }),
    );
  });
});

/** Stages and Regions with names as long as they may be, each of an account of its own. */
const stacksOf = (count: number): string =>
  Array.from(
    { length: count },
    (_, index) => `arn:aws:iam::${111_111_111_111 + index}:role/holdfast-production/ap-southeast-1`,
  ).join();
/** A bucket of three vaults, of which a policy's sources need no more. */
const threeVaults = inAnotherAccount(fleet).replace(
  /^ {2}main:\n {4}type: s3\n(?: {4}.*\n)+/m,
  (main) => main + ["second", "third"].map((name) => main.replace("main:", `${name}:`).replace("production", name)).join(""),
);

describe("the policies of a vault's bucket and keys", () => {
  it("fit into S3 and KMS for the largest fleet, in the stack's own account", () => {
    const sizes = documentSizes(vaultResources(deploy(fleet, { vault: "create", proving: "open" })));
    expect(sizes.length).toBeGreaterThan(4);
    for (const { name, size, max } of sizes) expect(size, name).toBeLessThan(max / 2);
  });

  it("do so in an account of their own, for as many stacks and readers as the documentation says", () => {
    const readers = Array.from({ length: 4 }, (_, index) => `arn:aws:iam::111111111111:role/people/that-read-the-vault-${index}`);
    for (const [text, stacks] of [
      [inAnotherAccount(fleet), 4],
      [threeVaults, 2],
    ] as const) {
      const owner = ownerOf(text, { stacks: stacksOf(stacks), readers: readers.join() });
      const sizes = documentSizes(ownerResources(owner));
      expect(sizes.filter(({ max }) => max === 32_768)).toHaveLength(4);
      for (const { name, size, max } of sizes) expect(size, `${name} for ${stacks} stacks`).toBeLessThan(max);
      expect(() => refuseLongRights(ownerResources(owner))).not.toThrow();
    }
  });

  it("that have no room for so many stacks are refused before anything is packaged, by the bucket's name", () => {
    const owner = ownerOf(inAnotherAccount(fleet), { stacks: stacksOf(12) });
    expect(() => refuseLongRights(ownerResources(owner))).toThrow(
      expect.objectContaining({
        name: "UsageInvalid",
        details: [expect.stringMatching(/^VaultAcmex2dbackupsPolicy: \d+ characters, and AWS takes 20480$/)],
        hint: expect.stringContaining("several vaults"),
      }),
    );
  });
});
