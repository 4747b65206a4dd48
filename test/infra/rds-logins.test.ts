/** Sources with IAM authentication of RDS: who may log in, and what the layer has to have. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { listedExtensions, warnOfImage } from "../../infra/image-extensions.ts";
import { machineRoles } from "../../infra/machines.ts";
import { type ToolsLayer, warnOfMajors } from "../../infra/tools.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { deploy, samplePolicyText } from "./deployments.ts";
import { writeSampleLayer } from "./sample-layer.ts";

const directory = mkdtempSync(join(tmpdir(), "hf-rds-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const host = "shop.abc123.eu-west-1.rds.amazonaws.com";
const withLogin = (more: string): string =>
  samplePolicyText.replace(
    "connection: secret:one/db",
    `connection: { rds: { host: ${host}, user: holdfast, database: shop${more} } }`,
  );

interface Statement {
  readonly Action: readonly string[];
  readonly Resource: unknown;
}

/** The statements with the action, by role. */
function logins(text: string): Record<string, unknown[]> {
  const deployment = deploy(text);
  const roles = { ...functionRoles(deployment), ...machineRoles(deployment) };
  const found = Object.entries(roles).map(([name, { Properties }]): [string, unknown[]] => {
    const policies = (Properties?.["Policies"] ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
    const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    return [name, statements.filter(({ Action }) => JSON.stringify(Action).includes("rds-db")).map(({ Resource }) => Resource)];
  });
  return Object.fromEntries(found.filter(([, resources]) => resources.length > 0));
}

const arn = (region: string, server: string) => [
  { "Fn::Sub": `arn:\${AWS::Partition}:rds-db:${region}:\${AWS::AccountId}:dbuser:${server}/holdfast` },
];

describe("rds-db:connect", () => {
  it("is given to the source's dump and to restores, for that user alone, and to nobody else", () => {
    expect(logins(withLogin(""))).toEqual({
      DumpDbx2d1Role: [arn("eu-west-1", "*")],
      RestoreRole: [arn("eu-west-1", "*")],
      SafeguardRole: [arn("eu-west-1", "*")],
    });
    expect(logins(samplePolicyText)).toEqual({});
  });

  it("is given for one server where the policy names it, in the policy's region", () => {
    const named = logins(withLogin(", resourceId: cluster-ABCDEF0123, region: us-west-2"));
    expect(Object.values(named)).toEqual(Array.from({ length: 3 }, () => [arn("us-west-2", "cluster-ABCDEF0123")]));
    const elsewhere = withLogin("").replace(host, "db.example.com");
    expect(Object.values(logins(elsewhere))[0]).toEqual([arn(`\${AWS::Region}`, "*")]);
  });
});

describe("the layer of a deployment with such a source", () => {
  it("has the authorities that the server is checked with, or packaging says how to add them", () => {
    const given = (files: string[]) => ({ image: "", layer: writeSampleLayer(mkdtempSync(join(directory, "layer-")), { files }) });
    expect(() => deploy(withLogin(""), given([]))).toThrow(
      expect.objectContaining({
        name: "UsageInvalid",
        message: "the layer lacks the authorities that servers are checked with: global-bundle.pem (source db-1)",
        hint: expect.stringMatching(/truststore\.pki\.rds\.amazonaws\.com.*npm run layer -- --add global-bundle\.pem/),
      }),
    );
    expect(deploy(withLogin(""), given(["global-bundle.pem"])).image).toBe("");
    expect(deploy(withLogin(", sslrootcert: system"), given([])).image).toBe("");
  });
});

describe("such a connection in a policy", () => {
  const parse = (more: string) => parsePolicy(withLogin(more), "holdfast.yml", { directory: "/srv", home: "/root" });

  it("is understood with its defaults", () => {
    expect(parse("").sources["db-1"]?.secrets).toEqual([
      { from: "rds", host, port: 5432, user: "holdfast", database: "shop", sslrootcert: "/opt/global-bundle.pem" },
    ]);
    expect(parse(", sslrootcert: rds.pem").sources["db-1"]?.secrets).toMatchObject([{ sslrootcert: "/srv/rds.pem" }]);
    expect(parse(", sslrootcert: system, port: 6000").sources["db-1"]?.secrets).toMatchObject([
      { sslrootcert: "system", port: 6000 },
    ]);
  });

  // What would mean something in an ARN, a template or a connection string, and a password.
  it.each([
    ["user", 'user: "*"', /not the name of a user/],
    ["user", 'user: "a/b"', /not the name of a user/],
    ["user", `user: '\${AWS::Region}'`, /not the name of a user/],
    ["host", 'host: "a?b"', /not the name of a host/],
    ["resourceId", 'resourceId: "*"', /not a resource id/],
    ["password", "password: hunter2", /unknown key/],
  ])("is refused with a wrong %s, %s", (key, written, problem) => {
    const text = withLogin(key === "resourceId" || key === "password" ? `, ${written}` : "").replace(
      key === "user" ? "user: holdfast" : key === "host" ? `host: ${host}` : "\0",
      written,
    );
    const parsed = () => parsePolicy(text, "holdfast.yml", { directory: "/srv", home: "/root" });
    expect(parsed).toThrow(expect.objectContaining({ name: "PolicyInvalid" }));
    try {
      parsed();
    } catch (error) {
      const said = JSON.stringify([(error as Error).message, (error as { details?: unknown }).details]);
      expect(said).toMatch(problem);
      expect(said).not.toContain("hunter2");
    }
  });
});

describe("extensions that a policy names", () => {
  const text = samplePolicyText.replace(
    "connection: secret:one/db",
    "connection: secret:one/db\n    restoreTest: { extensions: [vector] }",
  );
  const given = (extensions: Record<string, string[]>) => ({
    image: "",
    layer: writeSampleLayer(mkdtempSync(join(directory, "layer-")), { extensions }),
  });

  it("are refused at packaging where the layer has them for no major, with the command that adds them", () => {
    expect(text).not.toBe(samplePolicyText);
    expect(() => deploy(text, given({ 16: ["postgis"] }))).toThrow(
      expect.objectContaining({
        name: "UsageInvalid",
        message: "the layer lacks extensions that the policy names: vector (source db-1)",
        hint: expect.stringContaining("npm run layer -- --policy FILE"),
      }),
    );
  });

  it("are warned of where the layer has them for some majors alone", () => {
    const some = deploy(text, given({ 16: ["vector"] }));
    expect(warnOfMajors(some.policy, some.layer as ToolsLayer)).toEqual([
      expect.stringMatching(/^db-1: the layer has the extension vector for PostgreSQL 16 alone\./),
    ]);
    const all = deploy(text, given(Object.fromEntries([14, 15, 16, 17, 18].map((major) => [major, ["vector"]]))));
    expect(warnOfMajors(all.policy, all.layer as ToolsLayer)).toEqual([]);
  });

  it("are warned of where the containers' image is built without them, by its list", () => {
    const source = `${"0".repeat(64)} https://example.com/source.tar.gz`;
    const list = `# vector ${source}\n\n- ${source}\npostgis,postgis_topology ${source}\n`;
    expect([...listedExtensions(list)]).toEqual(["postgis", "postgis_topology"]);
    const layered = deploy(text, { layer: given({ 16: ["vector"] }).layer });
    expect(warnOfImage(layered, list)).toEqual([
      expect.stringMatching(
        /^db-1: the image's list, infra\/image\/extensions\.list, lacks the extension vector\. Restore tests that run in Fargate/,
      ),
    ]);
    const imageOnly = deploy(text);
    expect(warnOfImage(imageOnly, list)).toEqual([expect.stringContaining("Restore tests end unproven unless the image has it")]);
    expect(warnOfImage(imageOnly, `vector ${source}`)).toEqual([]);
    expect(warnOfImage(deploy(text, given({ 16: ["vector"] })), list)).toEqual([]);
    // The clone's own has pgvector.
    expect(warnOfImage(imageOnly)).toEqual([]);
  });
});
