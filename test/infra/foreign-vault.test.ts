/** A stack whose vault belongs to another account: what it makes, leaves out, and refuses. */
import { describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { serverlessFunctions } from "../../infra/functions.ts";
import { machineRoles, serverlessMachine } from "../../infra/machines.ts";
import { vaultResources } from "../../infra/vault.ts";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { deploy, foreignPolicyText, samplePolicyText } from "./deployments.ts";

const foreign = (text = foreignPolicyText) => deploy(text, { vault: "foreign", proving: "open" });

function refusal(text: string, given = {}): readonly string[] {
  try {
    deploy(text, { vault: "foreign", proving: "open", ...given });
  } catch (error) {
    if (isHoldfastError(error)) return [error.name, error.message, ...error.details, error.hint];
    throw error;
  }
  return [];
}

describe("a stack whose vault is another account's", () => {
  it("makes no vault, no key and no state for leases: only a bucket for what is its own, whose name nobody has", () => {
    const resources = vaultResources(foreign());
    expect(Object.keys(resources)).toEqual(["StateBucket", "StateBucketPolicy"]);
    expect(resources["StateBucket"]?.Properties).not.toHaveProperty("BucketName");
    const { due } = serverlessFunctions(foreign()) as Record<string, { environment: Record<string, unknown> }>;
    expect(due?.environment["HOLDFAST_STATE_BUCKET"]).toEqual({ "Fn::Sub": `\${StateBucket}` });
    expect(JSON.stringify(functionRoles(foreign()))).toContain(
      `"arn:\${AWS::Partition}:s3:::\${StateBucket}/holdfast-dev/unsigned/*"`,
    );
  });

  it("deletes nothing: it has no function that prunes, and its machine goes on without one", () => {
    expect(Object.keys(serverlessFunctions(foreign()))).not.toContain("prune");
    expect(JSON.stringify(machineRoles(foreign()))).not.toContain("PruneLambdaFunction");
    const { States } = serverlessMachine(foreign(), "backup").definition as { States: Record<string, unknown> };
    expect(States["Prune"]).toMatchObject({ Type: "Pass", Assign: { pruned: { deleted: 0 } }, Next: "Done" });
    expect(JSON.stringify(States)).not.toContain("PruneLambdaFunction");
  });

  it("replaces nothing: its machine refuses where another asks a second person", () => {
    const restore = serverlessMachine(foreign(), "restore").definition as {
      States: Record<string, { Type: string; Next?: string }>;
    };
    expect(restore.States["RecordRequest"]).toMatchObject({
      Type: "Pass",
      Assign: { failure: { Error: "RestoreRefused" } },
      Next: "Alert",
    });
    expect(JSON.stringify(restore)).not.toMatch(/Safeguard|RequestLambda|waitForTaskToken","TimeoutSeconds":"/);
    const targets = Object.values(restore.States).flatMap(({ Next }) => Next ?? []);
    expect(targets.filter((name) => !(name in restore.States))).toEqual([]);
  });

  it("is the only one whose other machines differ", () => {
    const own = serverlessMachine(deploy(), "backup").definition as { States: Record<string, { Type: string }> };
    expect(own.States["Prune"]?.Type).toBe("Task");
    for (const name of ["restore-test", "verify", "fleet"] as const)
      expect(serverlessMachine(foreign(), name).definition).toEqual(serverlessMachine(deploy(), name).definition);
  });
});

describe("a policy whose vault is another account's", () => {
  it("names keys by the account's own ARNs, regions and locks; each line that does not is said", () => {
    expect(refusal(foreignPolicyText)).toEqual([]);
    const text = samplePolicyText.replace(/^ {4}(lock|state):.*\n/gm, "");
    expect(refusal(text)).toEqual([
      "PolicyInvalid",
      "the policy does not say where a vault of another account is",
      'vault "main" has no region; write region: REGION',
      'vault "main" does not lock; write lock: and state:',
      'key "main" is alias/acme-backups, which every account may have; write arn:aws:kms:REGION:ACCOUNT:alias/acme-backups',
      'the signing key of "main" is alias/acme-signing, which every account may have; write arn:aws:kms:REGION:ACCOUNT:alias/acme-signing',
      "Use the policy of the stack that owns the vault: docs/deploy.md, A vault in a second account.",
    ]);
  });

  it("has its keys in one account", () => {
    const two = foreignPolicyText.replace(/222222222222(:alias\/acme-signing)/, "333333333333$1");
    expect(refusal(two)).toContain("the keys are in 2 accounts: 222222222222, 333333333333");
  });

  it("in another Region is out of reach of a network without a way out, and what to do is said", () => {
    const said = refusal(foreignPolicyText, { proving: "isolated" });
    expect(said).toContain("restore tests run without a way out of eu-central-1, and cannot reach other regions");
    expect(said).toContain('vault "main" is in eu-west-1');
    expect(said.at(-1)).toMatch(/provingSubnets=.*proving=open/);
    expect(refusal(foreignPolicyText, { proving: "isolated", region: "eu-west-1", image: "", layer: "" }).join()).not.toMatch(
      /reach/,
    );
    const given = { proving: "isolated", provingSubnets: "subnet-1", provingSecurityGroups: "sg-1" };
    expect(refusal(foreignPolicyText, given)).toEqual([]);
  });
});
