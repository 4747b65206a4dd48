/** What a policy says of locks, state, tiers and rotation, and what it may not say. */
import { describe, expect, it } from "vitest";
import { messagesOf, parse, smallest, withTop } from "./policy-texts.ts";

const vaultOf = (more: string) => parse(withTop(`vaults: { main: { type: s3, bucket: acme, ${more} } }`)).vaults["main"];
const problemsWith = (more: string) => messagesOf(withTop(`vaults: { main: { type: s3, bucket: acme, ${more} } }`));

describe("a vault in a bucket", () => {
  it.each([
    [
      "lock: { mode: governance }, state: s3://acme-state",
      { lock: { mode: "governance" }, state: { bucket: "acme-state", prefix: "" } },
    ],
    ["lock: governance, state: s3://acme-state", { lock: { mode: "governance" }, state: { bucket: "acme-state", prefix: "" } }],
    [
      "lock: { mode: compliance }, state: s3://acme-state/eu/",
      { lock: { mode: "compliance" }, state: { bucket: "acme-state", prefix: "eu" } },
    ],
    ["state: s3://acme-state", { state: { bucket: "acme-state", prefix: "" } }],
    ["tiers: { warm: 30d, cold: 12w, archive: 365d }", { tiers: { warmDays: 30, coldDays: 84, archiveDays: 365 } }],
    ["tiers: { archive: 1d }", { tiers: { archiveDays: 1 } }],
  ])("takes %s", (text, expected) => {
    expect(vaultOf(text)).toMatchObject(expected);
  });

  it("locks nothing and moves nothing unless it is told to", () => {
    const vault = vaultOf('prefix: ""');
    expect(vault).not.toHaveProperty("lock");
    expect(vault).not.toHaveProperty("tiers");
  });

  it.each([
    ["lock: { mode: governance }", /^vaults.main.lock: needs state beside it/],
    ["lock: { mode: legal }, state: s3://acme-state", /mode: "legal" is not allowed; one of governance, compliance/],
    ["lock: legal, state: s3://acme-state", /vaults.main.lock: "legal" is not allowed; one of governance, compliance/],
    ["lock: true, state: s3://acme-state", /vaults.main.lock: must be governance or compliance/],
    ["lock: { mode: governance }, state: s3://acme/state", /vaults.main.state: must be another bucket than the vault's own/],
    ["state: folder:/srv/state", /vaults.main.state: "folder:\/srv\/state" is not written as s3:\/\/BUCKET/],
    ["tiers: {}", /vaults.main.tiers: is empty/],
    ["tiers: { warm: 7d }", /the ages must rise/],
    ["tiers: { warm: 90d, cold: 30d }", /the ages must rise/],
    ["tiers: { warm: 30d, archive: 59d }", /the ages must rise/],
    ["tiers: { cold: 12h }", /cold: "12h" is not a whole number of days/],
    ["tiers: { frozen: 30d }", /tiers.frozen: unknown key; allowed: warm, cold, archive/],
  ])("does not take %s", (text, problem) => {
    expect(problemsWith(text)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("a folder", () => {
  it("cannot lock, and says so", () => {
    expect(messagesOf(withTop("vaults: { main: { type: folder, path: /srv, lock: { mode: governance } } }"))).toEqual([
      "vaults.main.lock: a folder cannot lock what it holds; only a bucket can (type: s3)",
    ]);
  });
});

describe("a source whose vault locks", () => {
  const policy = (retention: string, lock = "lock: { mode: governance }, ") =>
    smallest
      .replace("folder:/srv/vault", `{ type: s3, bucket: acme, ${lock}state: s3://acme-state }`)
      .replace("{ daily: 7 }", retention);

  it("needs a rule of retention that promises a time", () => {
    expect(messagesOf(policy("{ keepLast: 5 }"))).toEqual([
      expect.stringMatching(/^sources.shop.retention: .*keepLast promises no time/),
    ]);
  });

  it.each(["{ daily: 7 }", "{ keepLast: 5, keepWithin: 2d }", "{ kinds: { full: 30d } }", "{ yearly: 1 }"])(
    "may have %s",
    (retention) => {
      expect(messagesOf(policy(retention))).toEqual([]);
    },
  );

  it("may count alone where nothing is locked", () => {
    expect(messagesOf(policy("{ keepLast: 5 }", ""))).toEqual([]);
  });
});

describe("a key of KMS", () => {
  const rotating = (rotation: string) => withTop(`keys: { main: { type: kms, keyId: alias/a, rotation: ${rotation} } }`);

  it("says how often it is rotated", () => {
    expect(parse(rotating("90d")).keys["main"]?.keys).toEqual([{ type: "kms", keyId: "alias/a", rotationDays: 90 }]);
  });

  it.each(["30d", "2561d"])("is not rotated every %s, which KMS cannot do", (rotation) => {
    expect(messagesOf(rotating(rotation))).toEqual([expect.stringMatching(/KMS rotates every 90d to 2560d/)]);
  });
});
