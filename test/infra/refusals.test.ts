import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { refuseTooMany, warnUnmeetable } from "../../infra/refusals.ts";
import { deploy, samplePolicyText, withSources } from "./deployments.ts";

const bucket = /type: s3[\s\S]*?(?=keys:)/;

describe("a deployment", () => {
  it.each([
    [
      "a vault in a folder",
      samplePolicyText.replace(bucket, "type: folder\n    path: /srv/holdfast\n"),
      'vault "main" is a folder of this machine',
    ],
    [
      "a vault at another provider",
      samplePolicyText.replace("bucket: acme-backups\n", "bucket: acme-backups\n    endpoint: https://s3.example.com\n"),
      'vault "main" is at https://s3.example.com, for which a stack has no credentials',
    ],
    [
      "a key in a file",
      samplePolicyText.replace(/main: \{ type: kms.*\}/, "main: file:/etc/holdfast.key"),
      'key "main" is a file of this machine',
    ],
    [
      "a key that signs nothing",
      samplePolicyText.replace(/, signing: \{[^}]*\}/, ""),
      'key "main" has no signing key (signing: { key: alias/NAME }), and evidence that nobody signed counts for nothing',
    ],
    [
      "a connection in the environment",
      samplePolicyText.replace("secret:one/db", "env:DATABASE_URL"),
      'a secret of source "db-1" is in env:, not in Secrets Manager',
    ],
    [
      "a webhook in the environment",
      samplePolicyText.replace("slack:secret:holdfast/slack", "slack:env:WEBHOOK"),
      "the webhook slack:env:WEBHOOK does not stand in Secrets Manager",
    ],
    [
      "a restore target in the environment",
      samplePolicyText.replace("alerts:\n", "restoreTargets: { standby: env:STANDBY }\nalerts:\n"),
      'the connection of restore target "standby" stands in env:, not in Secrets Manager',
    ],
    [
      "a restore target that is a login to RDS",
      samplePolicyText.replace(
        "alerts:\n",
        "restoreTargets: { standby: { rds: { host: a.abc.eu-central-1.rds.amazonaws.com, user: u, database: d } } }\nalerts:\n",
      ),
      'the connection of restore target "standby" stands in rds:, not in Secrets Manager',
    ],
    [
      "files",
      samplePolicyText.replace("alerts:\n", "  etc: { engine: files, path: /etc, retention: { daily: 7 } }\nalerts:\n"),
      'source "etc" lies on this machine',
    ],
  ])("refuses %s, and says which", (_, text, detail) => {
    expect(() => deploy(text)).toThrow(expect.objectContaining({ name: "PolicyInvalid", details: [detail] }));
  });

  it("names every such place at once", () => {
    const text = samplePolicyText.replace("secret:one/db", "env:ONE").replace("secret:other/db", "env:OTHER");
    expect(() => deploy(text)).toThrow(expect.objectContaining({ details: [expect.any(String), expect.any(String)] }));
  });

  it.each([
    ["neither a layer nor an image", "", /have neither a layer nor an image/],
    ["an image without a digest", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/holdfast:latest", /with a digest/],
    ["an image of another registry", `ghcr.io/acme/holdfast@sha256:${"0".repeat(64)}`, /Amazon ECR/],
    [
      "an image of another region",
      `123456789012.dkr.ecr.us-east-1.amazonaws.com/holdfast@sha256:${"0".repeat(64)}`,
      /is in us-east-1/,
    ],
  ])("refuses %s", (_, image, message) => {
    expect(() => deploy(samplePolicyText, { image })).toThrow(
      expect.objectContaining({ name: "UsageInvalid", message: expect.stringMatching(message) }),
    );
  });

  it("needs no image in the stage local", () => {
    expect(deploy(samplePolicyText, { stage: "local", image: "" }).local).toBe(true);
  });

  it("makes no vault in another region than its own, but takes one over", () => {
    const text = samplePolicyText.replace("bucket: acme-backups\n", "bucket: acme-backups\n    region: eu-west-1\n");
    expect(() => deploy(text)).toThrow(
      expect.objectContaining({ name: "PolicyInvalid", details: ['vault "main" is in eu-west-1'] }),
    );
    expect(deploy(text, { vault: "existing", proving: "open" }).createsVault).toBe(false);
  });

  it.each([
    ["a stage that cannot be part of a name", { stage: "My_Stage" }],
    ["another word for the vault", { vault: "new" }],
    ["subnets without security groups", { subnets: "subnet-1" }],
  ])("refuses %s", (_, given) => {
    expect(() => deploy(samplePolicyText, given)).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
  });

  it("refuses more resources than CloudFormation takes", () => {
    const { policy } = deploy(withSources(["a", "b"]));
    expect(() => refuseTooMany([500, 500], policy)).not.toThrow();
    expect(() => refuseTooMany([120, 501], policy)).toThrow(/5 sources make 501 resources in one of 2 stacks/);
  });
});

describe("an objective that no schedule keeps", () => {
  const warnings = (rpo: string, cron: string) => {
    const text = samplePolicyText.replace("alerts:\n", () => {
      const source = `{ engine: postgres, connection: secret:late/db, backup: { full: "${cron}" }, retention: { daily: 7 }, objectives: { rpo: ${rpo}, rto: 4h } }`;
      return `  late: ${source}\nalerts:\n`;
    });
    return warnUnmeetable(deploy(text).policy, new Date("2026-11-28T12:00:00Z")).filter((line) => line.startsWith("late:"));
  };

  it("is said when the stack is packaged, with what to do", () => {
    expect(warnings("1h", "0 2 * * *")).toEqual([expect.stringMatching(/2[45] h .*RPO of 1 h.*age-late.*Back up more often/s)]);
  });

  it.each([
    ["1d", "0 2 * * *"],
    ["1h", "0 * * * *"],
  ])("is not said of %s and %s", (rpo, cron) => {
    expect(warnings(rpo, cron)).toEqual([]);
  });

  it("is not in TaskMaster's policy", () => {
    const text = readFileSync(join(import.meta.dirname, "../../examples/taskmaster/holdfast.yml"), "utf8");
    expect(warnUnmeetable(deploy(text).policy, new Date("2026-11-28T12:00:00Z"))).toEqual([]);
  });
});
