import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { guardedActions, needsApproval } from "../../src/policy/approvals.ts";
import { traitsOf } from "../../src/policy/engine-policy.ts";
import { postgresPolicy } from "../../src/policy/engines/postgres/policy.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import {
  files,
  messagesOf,
  parse,
  places,
  postgres,
  smallest,
  withFiles,
  withPostgres,
  withSource,
  withTop,
} from "./policy-texts.ts";

describe("a policy", () => {
  it("needs nothing but a vault, a key and a source with its retention", () => {
    expect(parse(smallest)).toEqual({
      version: 1,
      timezone: "UTC",
      vaults: { main: { name: "main", type: "folder", path: "/srv/vault" } },
      keys: { main: { name: "main", keys: [{ type: "file", path: "/srv/main.key" }] } },
      sources: {
        shop: {
          name: "shop",
          engine: "postgres",
          traits: traitsOf(postgresPolicy),
          secrets: [{ from: "env", name: "SHOP_URL" }],
          connection: { from: "env", name: "SHOP_URL" },
          vault: "main",
          key: "main",
          tier: "standard",
          objectives: { rpoSeconds: 86_400, rtoSeconds: 86_400 },
          schedules: {},
          exclude: { tables: [], data: [] },
          sourceCheck: "counts",
          rolePasswords: false,
          retention: { daily: 7, minAgeSeconds: 172_800, maxRemovalShare: 0.5 },
          verify: { maxDropShare: 0.5, volatile: [] },
          restoreTest: { assertions: [] },
        },
      },
      alerts: {},
      auditKeepSeconds: 2_557 * 86_400,
      sha256: createHash("sha256").update(smallest).digest("hex"),
    });
  });

  it("is frozen to its depths", () => {
    const policy = parse(smallest);
    expect(Object.isFrozen(policy)).toBe(true);
    expect(Object.isFrozen(policy.sources["shop"]?.retention)).toBe(true);
    expect(Object.isFrozen(policy.keys["main"]?.keys)).toBe(true);
  });

  it("knows no source that it does not name, not even constructor", () => {
    expect(parse(smallest).sources["constructor"]).toBeUndefined();
    const named = parse(smallest.replace("shop:", "constructor:")).sources["constructor"];
    expect(named?.name).toBe("constructor");
  });

  it("may use anchors and aliases", () => {
    const text = `${smallest}  second:\n    engine: files\n    path: /etc/shop\n    retention: &kept { daily: 3 }\n  third:\n    engine: files\n    path: /etc/x\n    retention: *kept\n`;
    expect(parse(text).sources["third"]?.retention).toEqual({ daily: 3, minAgeSeconds: 172_800, maxRemovalShare: 0.5 });
  });

  it("may begin with a byte order mark and end its lines as Windows does", () => {
    const text = `\uFEFF${smallest.replaceAll("\n", "\r\n")}`;
    expect(parse(text).sources["shop"]?.name).toBe("shop");
    expect(parse(text).sha256).toBe(createHash("sha256").update(text, "utf8").digest("hex"));
  });
});

describe("tiers and objectives", () => {
  it.each([
    ["critical", 900, 3_600],
    ["important", 3_600, 14_400],
    ["standard", 86_400, 86_400],
  ])("%s means an RPO of %d s and an RTO of %d s", (tier, rpoSeconds, rtoSeconds) => {
    expect(postgres(withPostgres(`tier: ${tier}`)).objectives).toEqual({ rpoSeconds, rtoSeconds });
  });

  it("take from the tier only what is not written", () => {
    expect(postgres(withPostgres("tier: critical\nobjectives: { rto: 4h }")).objectives).toEqual({
      rpoSeconds: 900,
      rtoSeconds: 14_400,
    });
  });
});

describe("vaults", () => {
  const vault = (text: string) => parse(withTop(`vaults: { main: ${text} }`)).vaults["main"];
  const s3 = { name: "main", type: "s3", partsLimit: 10_000, checksums: "supported" };

  it.each([
    ["s3://acme-backups", { ...s3, bucket: "acme-backups", prefix: "" }],
    ["s3://acme-backups/production/eu/", { ...s3, bucket: "acme-backups", prefix: "production/eu" }],
    ["{ type: s3, bucket: acme }", { ...s3, bucket: "acme", prefix: "" }],
    [
      '{ type: s3, bucket: acme, prefix: /a/b/, region: eu-central-1, endpoint: "http://127.0.0.1:9000/", pathStyle: true, partsLimit: 1000, checksums: required }',
      {
        ...s3,
        bucket: "acme",
        prefix: "a/b",
        region: "eu-central-1",
        endpoint: "http://127.0.0.1:9000",
        pathStyle: true,
        partsLimit: 1_000,
        checksums: "required",
      },
    ],
    ["folder:/srv/vault/../other", { name: "main", type: "folder", path: "/srv/other" }],
    ["folder:vault", { name: "main", type: "folder", path: "/srv/app/vault" }],
    ["folder:~/vault", { name: "main", type: "folder", path: "/home/ops/vault" }],
    ["{ type: folder, path: ../vault }", { name: "main", type: "folder", path: "/srv/vault" }],
  ])("are written %s", (text, expected) => {
    expect(vault(text)).toEqual(expected);
  });
});

describe("keys", () => {
  const key = (text: string) => parse(withTop(`keys: { main: ${text} }`)).keys["main"]?.keys;
  const arn = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555";

  it.each([
    ["file:~/.config/holdfast/main.key", [{ type: "file", path: "/home/ops/.config/holdfast/main.key" }]],
    ["kms:alias/holdfast", [{ type: "kms", keyId: "alias/holdfast" }]],
    [`kms:${arn}`, [{ type: "kms", keyId: arn }]],
    ["kms:mrk-0123456789abcdef0123456789abcdef", [{ type: "kms", keyId: "mrk-0123456789abcdef0123456789abcdef" }]],
    [
      "{ type: kms, keyId: alias/holdfast, region: eu-central-1 }",
      [{ type: "kms", keyId: "alias/holdfast", region: "eu-central-1" }],
    ],
    [
      "[file:new.key, { type: file, path: old.key }, kms:alias/holdfast]",
      [
        { type: "file", path: "/srv/app/new.key" },
        { type: "file", path: "/srv/app/old.key" },
        { type: "kms", keyId: "alias/holdfast" },
      ],
    ],
  ])("are written %s", (text, expected) => {
    expect(key(text)).toEqual(expected);
  });
});

describe("connections", () => {
  it.each([
    ["env:SHOP_URL", { from: "env", name: "SHOP_URL" }],
    ["{ env: SHOP_URL }", { from: "env", name: "SHOP_URL" }],
    ["file:secrets/shop", { from: "file", path: "/srv/app/secrets/shop" }],
    ["{ file: ~/shop }", { from: "file", path: "/home/ops/shop" }],
    ["service:shop", { from: "service", name: "shop" }],
    ["{ service: shop }", { from: "service", name: "shop" }],
    ["secret:shop/db", { from: "secret", id: "shop/db" }],
    ["{ secret: shop/db }", { from: "secret", id: "shop/db" }],
    [
      "secret:arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbCdEf",
      { from: "secret", id: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbCdEf" },
    ],
  ])("are written %s", (text, expected) => {
    expect(postgres(withSource(`engine: postgres\nretention: { daily: 7 }\nconnection: ${text}`)).connection).toEqual(expected);
  });
});

describe("a source", () => {
  it("of PostgreSQL may say everything", () => {
    const source = postgres(
      withPostgres(
        [
          'backup: { full: "0  2 * * *" }',
          'exclude: { tables: ["tmp_*", \'audit."Old.Log"\'], data: [public.sessions] }',
          "sourceCheck: content",
          "rolePasswords: true",
          'verify: { schedule: "0 3 * * sun", maxDrop: 30% }',
          "restoreTest:",
          '  schedule: "0 4 1 * *"',
          "  assert:",
          "    - { sql: select count(*) from users, atLeast: 1 }",
          "    - { name: no orphans, sql: select count(*) from o, equals: 0 }",
          "    - { sql: select max(n) from t, atMost: 2.5 }",
          "    - { sql: select state from s, equals: ok }",
          "    - { sql: select flag from f, equals: true }",
        ].join("\n"),
        "retention: { keepLast: 3, keepWithin: 7d, daily: 30, weekly: 8, monthly: 12, yearly: 7, kinds: { full: 90d }, permanent: [20261120T020000Z-full-7k3f9a], maxRemoval: 10% }",
      ),
    );
    expect(source.schedules).toEqual({ full: "0 2 * * *" });
    expect(source.exclude).toEqual({ tables: ["tmp_*", 'audit."Old.Log"'], data: ["public.sessions"] });
    expect([source.sourceCheck, source.rolePasswords]).toEqual(["content", true]);
    expect(source.verify).toEqual({ schedule: "0 3 * * sun", maxDropShare: 0.3, volatile: [] });
    expect(source.retention).toEqual({
      keepLast: 3,
      keepWithinSeconds: 604_800,
      daily: 30,
      weekly: 8,
      monthly: 12,
      yearly: 7,
      kinds: { full: { keepWithinSeconds: 7_776_000 } },
      permanent: ["20261120T020000Z-full-7k3f9a"],
      minAgeSeconds: 172_800,
      maxRemovalShare: 0.1,
    });
    expect(source.restoreTest).toEqual({
      schedule: "0 4 1 * *",
      assertions: [
        { name: "select count(*) from users", sql: "select count(*) from users", expect: { atLeast: 1 } },
        { name: "no orphans", sql: "select count(*) from o", expect: { equals: 0 } },
        { name: "select max(n) from t", sql: "select max(n) from t", expect: { atMost: 2.5 } },
        { name: "select state from s", sql: "select state from s", expect: { equals: "ok" } },
        { name: "select flag from f", sql: "select flag from f", expect: { equals: true } },
      ],
    });
  });

  it("of files may say everything", () => {
    const source = files(
      withFiles('include: ["**/*.env", /certificates/]\nexclude: [cache/**]\nrestoreTest: { schedule: "0 4 1 * *" }'),
    );
    expect(source.path).toBe("/etc/shop");
    expect(source.include).toEqual(["**/*.env", "/certificates/"]);
    expect(source.exclude).toEqual(["cache/**"]);
    expect(source.restoreTest).toEqual({ schedule: "0 4 1 * *" });
  });

  it("uses the vault and the key called main when there are several, unless it names others", () => {
    const several = "vaults: { main: folder:/a, off-site: folder:/b }";
    const text = withTop(several).replace("retention:", "key: main\n    retention:");
    expect(parse(text).sources["shop"]?.vault).toBe("main");
    expect(parse(text.replace("key: main", "vault: off-site")).sources["shop"]?.vault).toBe("off-site");
  });

  it("uses the only vault whatever it is called", () => {
    expect(parse(withTop("vaults: { cellar: folder:/a }")).sources["shop"]?.vault).toBe("cellar");
  });
});

describe("alerts", () => {
  it("go to addresses and webhooks", () => {
    const text = withTop(
      "alerts: { critical: [email:ops@example.com, slack:secret/hook, slack:env:HOOK, slack:file:hook], warning: [{ email: a@b }, { slack: { secret: hook } }, { slack: env:HOOK }] }",
    );
    expect(parse(text).alerts).toEqual({
      critical: [
        { type: "email", address: "ops@example.com" },
        { type: "slack", webhook: { from: "secret", id: "hook" } },
        { type: "slack", webhook: { from: "env", name: "HOOK" } },
        { type: "slack", webhook: { from: "file", path: "/srv/app/hook" } },
      ],
      warning: [
        { type: "email", address: "a@b" },
        { type: "slack", webhook: { from: "secret", id: "hook" } },
        { type: "slack", webhook: { from: "env", name: "HOOK" } },
      ],
    });
  });
});

describe("approvals", () => {
  const key = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

  it("are of nothing where the policy does not say so, and of everything where it names no actions", () => {
    expect(parse(smallest).approvals).toBeUndefined();
    expect(needsApproval(parse(smallest), "overwrite")).toBe(false);
    const everything = parse(withTop("approvals: {}"));
    expect(everything.approvals).toEqual({ of: guardedActions, expiresSeconds: 14_400, approvers: {} });
    expect(guardedActions.every((action) => needsApproval(everything, action))).toBe(true);
  });

  it("name actions, a time, and approvers by their keys", () => {
    const line = `approvals: { of: [overwrite], expires: 30d, approvers: { ben: ${key}, cara: { publicKey: ${key}, user: cara, retired: 2027-03-31 } } }`;
    const policy = parse(withTop(line));
    expect(policy.approvals).toEqual({
      of: ["overwrite"],
      expiresSeconds: 2_592_000,
      approvers: { ben: { publicKey: key }, cara: { publicKey: key, user: "cara", retiredAt: "2027-03-31T00:00:00.000Z" } },
    });
    expect([needsApproval(policy, "overwrite"), needsApproval(policy, "release-hold")]).toEqual([true, false]);
  });

  it.each([
    ["approvals: { of: [] }", "approvals.of"],
    ["approvals: { of: [drop] }", '"drop" is not allowed; one of overwrite, swap-back'],
    ["approvals: { expires: 31d }", '"31d" is too long: 30d at most'],
    ["approvals: { approvers: { ben: secret } }", "approvals.approvers.ben"],
    [`approvals: { approvers: { Ben: ${key} } }`, "is not allowed as a name"],
    [`approvals: { approvers: { ben: { publicKey: ${key}, user: a@b } } }`, '"a@b" is not a user\'s name'],
    [`approvals: { approvers: { ben: { publicKey: ${key}, retired: 2027-02-30 } } }`, '"2027-02-30" is not a day'],
  ])("%s is refused", (line, said) => {
    expect(messagesOf(withTop(line))).toEqual([expect.stringContaining(said)]);
  });
});

describe("paths", () => {
  it("begin at the file's own directory when none is given", () => {
    const policy = parsePolicy(withTop("vaults: { main: folder:vault }"), "/etc/holdfast/holdfast.yml", { home: places.home });
    expect(policy.vaults["main"]).toMatchObject({ path: "/etc/holdfast/vault" });
  });

  it("locks the audit trail for seven years, for as long as it says, or not at all", () => {
    const keptFor = (line: string) => parse(withTop(line)).auditKeepSeconds / 86_400;
    expect(["", "audit: { keep: 30d }", "audit: { keep: none }"].map(keptFor)).toEqual([2_557, 30, 0]);
    expect(messagesOf(withTop("audit: { keep: 7y }"))).toEqual([expect.stringContaining("audit.keep")]);
  });
});
