/**
 * Who can do what with a vault of a second account: each role of the first account by its own
 * policy and the owner's, and someone who has the first account whole.
 */
import { describe, expect, it } from "vitest";
import { allowing, type Request } from "../iam.ts";
import type { Statement } from "../template-model.ts";
import { ownersPolicies, owning, pruneRole, stackPath, working, workingRoles } from "./two-accounts.ts";

const roles = workingRoles();
const policies = ownersPolicies();
const vault = "arn:aws:s3:::acme-backups";
const state = "arn:aws:s3:::acme-backups-state";
const key = (name: string): string => `arn:aws:kms:eu-west-1:${owning}:key/${name}`;
const [sealing, signing, storage] = ["SealingKeyAcmex2dbackups", "SigningKeyAcmex2dsigning", "StorageKeyAcmex2dbackups"].map(key);
const keys = [sealing, signing, storage] as string[];

const everything: readonly Statement[] = [{ Effect: "Allow", Action: ["*"], Resource: ["*"] }];
const policyOf = (resource: string): readonly Statement[] =>
  policies.get(resource.startsWith("arn:aws:s3:") ? (resource.split("/")[0] ?? "") : resource) ?? [];
const by = (request: Request, identity = everything): readonly Statement[] =>
  allowing(request, { identity, resource: policyOf(request.resource), owner: owning });

/** What Holdfast sends with a write that makes an object. */
const creating = { "s3:ObjectCreationOperation": "true", "s3:if-none-match": "*", "aws:SecureTransport": "true" };
const usual = { ...creating, "s3:object-lock-mode": "GOVERNANCE", "s3:object-lock-remaining-retention-days": "30" };
const throughS3 = { "kms:ViaService": "s3.eu-west-1.amazonaws.com" };
const ofManifest = { "kms:EncryptionContext:holdfast:artifact": "manifest", "kms:EncryptionContext:holdfast:source": "db1" };
const ofArtifact = { "kms:EncryptionContext:holdfast:artifact": "archive", "kms:EncryptionContext:holdfast:source": "db1" };

/** A name that a pattern of a role's policy takes in. */
const sample = (pattern: string): string => pattern.replaceAll("*", "x1");

/** The key that a role means by a wildcard. */
function keyFor(action: string, condition: string): string {
  if (condition.includes("kms:ViaService")) return storage as string;
  return (action === "kms:Sign" || action === "kms:GetPublicKey" ? signing : sealing) as string;
}

/** The context under which a statement of a role's own policy applies. */
function contextOf({ Condition = {} }: Statement): Record<string, string> {
  const wanted = Object.entries(Condition).flatMap(([operator, keys]) =>
    operator === "StringEquals" ? Object.entries(keys).map(([name, value]) => [name, String([value].flat()[0])]) : [],
  );
  // As long as the shortest retention of the policy: a role of that source has no more.
  return { ...usual, "s3:object-lock-remaining-retention-days": "7", ...Object.fromEntries(wanted) };
}

/** Requests to the owner's account that a role's own policy lets it make: one for each right. */
function requestsOf({ arn, statements }: { readonly arn: string; readonly statements: readonly Statement[] }): Request[] {
  return statements
    .filter(({ Effect }) => Effect === "Allow")
    .flatMap((statement) =>
      statement.Action.flatMap((action) =>
        statement.Resource.flatMap((pattern) => {
          const isKey = pattern === `arn:aws:kms:eu-west-1:${owning}:key/*`;
          if (!isKey && !/^arn:aws:s3:::acme-backups(-state)?(\/|$)/.test(pattern)) return [];
          const resource = isKey ? keyFor(action, JSON.stringify(statement.Condition ?? {})) : sample(pattern);
          return [{ principal: arn, action, resource, context: contextOf(statement) }];
        }),
      ),
    );
}

const used = new Set<string>();

describe("a role of the stack", () => {
  it.each([...roles.keys()])("%s: what its own policy says it may do in the vault's account, that account lets it", (name) => {
    const role = roles.get(name) as NonNullable<ReturnType<typeof roles.get>>;
    for (const request of requestsOf(role)) {
      const statements = by(request, role.statements);
      expect(statements.length, `${request.action} on ${request.resource}`).toBeGreaterThan(0);
      for (const { Sid } of statements) used.add(`${policyName(request.resource)} ${Sid ?? ""}`);
    }
  });

  it("reaches the vault at all: dumps, proofs, records and restores ask for much", () => {
    const counts = Object.fromEntries([...roles].map(([name, role]) => [name, requestsOf(role).length]));
    for (const name of ["DumpDb1Role", "ProveDb1Role", "RecordRole", "RestoreRole"]) expect(counts[name], name).toBeGreaterThan(8);
    expect(counts["SlackRole"]).toBe(0);
  });

  it("uses every right that the owner grants: none is there for nobody", () => {
    const granted = [...policies].flatMap(([resource, statements]) =>
      statements
        .filter(({ Effect, Sid }) => Effect === "Allow" && Sid !== "AccountsOwnPolicies" && Sid !== "Look")
        .map(({ Sid }) => `${policyName(resource)} ${Sid}`),
    );
    // To services of the owner's own account: access logs, and alarms on their way.
    const toStacks = granted.filter((each) => !/AccessLogs|AlarmsOfThisAccount/.test(each));
    expect(toStacks.filter((each) => !used.has(each))).toEqual([]);
    expect(toStacks.length).toBeGreaterThan(15);
  });

  it("that is the work of another is not lent: a dump opens nothing, a proof adds nothing, none but `record` and `erase-add` sign", () => {
    const may = (work: string, request: Omit<Request, "principal">) =>
      by({ principal: `${stackPath}/${work}/holdfast-dev-x`, ...request }).length > 0;
    const works = [
      "dump",
      "prove",
      "record",
      "restore",
      "erase-add",
      "plan",
      "due",
      "notify",
      "on-execution",
      "watch",
      "prune",
      "slack",
      "start",
    ];
    const who = (request: Omit<Request, "principal">) => works.filter((work) => may(work, request));
    const open = (context: Record<string, string>) => who({ action: "kms:Decrypt", resource: sealing as string, context });
    expect(who({ action: "kms:Sign", resource: signing as string })).toEqual(["record", "erase-add"]);
    expect(who({ action: "kms:GenerateDataKey", resource: sealing as string })).toEqual(["dump"]);
    const erasure = { "kms:EncryptionContext:holdfast:artifact": "erasure" };
    expect(who({ action: "kms:GenerateDataKey", resource: sealing as string, context: erasure })).toEqual(["dump", "erase-add"]);
    expect(open(erasure)).toEqual(["prove", "restore"]);
    expect(open(ofArtifact)).toEqual(["prove", "restore"]);
    expect(open(ofManifest)).toEqual(["prove", "restore", "notify", "on-execution", "watch"]);
    const put = (path: string) => who({ action: "s3:PutObject", resource: `${vault}/production/${path}`, context: usual });
    for (const path of ["manifests/db1/a.json", "artifacts/db1/a/b", "holdfast.json", "RESTORE.md"])
      expect(put(path), path).toEqual(["dump"]);
    for (const path of ["evidence/db1/a/b.json", "audit/000001-a.json"]) expect(put(path), path).toEqual(["record"]);
    for (const path of ["erasures/db1/0000000001.json", "erasure-ids/db1/0a.json"]) expect(put(path), path).toEqual(["erase-add"]);
    for (const path of ["holds/db1/a.json", "tombstones/db1/a.json", "other"]) expect(put(path), path).toEqual([]);
    const get = (path: string) => who({ action: "s3:GetObject", resource: `${vault}/production/${path}`, context: usual });
    expect(get("artifacts/db1/a/b")).toEqual(["dump", "prove", "restore"]);
    expect(get("manifests/db1/a.json")).toEqual(works);
    expect(get("erasures/db1/0000000001.json")).toEqual(["restore", "erase-add"]);
  });
});

function policyName(resource: string): string {
  return resource.startsWith("arn:aws:s3:") ? (resource.split("/")[0] ?? "") : resource;
}

const s3Actions = [
  ..."AbortMultipartUpload BypassGovernanceRetention DeleteBucket DeleteBucketPolicy DeleteObject DeleteObjectTagging".split(" "),
  ..."DeleteObjectVersion GetBucketPolicy GetObject GetObjectAttributes GetObjectLegalHold GetObjectRetention".split(" "),
  ..."GetObjectVersion ListBucket ListBucketMultipartUploads ListBucketVersions PutBucketAcl PutBucketLogging".split(" "),
  ..."PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock".split(" "),
  ..."PutBucketVersioning PutEncryptionConfiguration PutInventoryConfiguration PutLifecycleConfiguration PutObject".split(" "),
  ..."PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging PutReplicationConfiguration ReplicateDelete".split(" "),
  ..."ReplicateObject RestoreObject".split(" "),
].map((name) => `s3:${name}`);
const kmsActions = [
  ..."CancelKeyDeletion CreateAlias CreateGrant Decrypt DeleteAlias DeleteImportedKeyMaterial DescribeKey DisableKey".split(" "),
  ..."DisableKeyRotation EnableKey Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyWithoutPlaintext".split(" "),
  ..."GenerateMac GetKeyPolicy GetPublicKey ImportKeyMaterial ListGrants PutKeyPolicy ReEncryptFrom ReEncryptTo".split(" "),
  ..."ReplicateKey RetireGrant RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion Sign TagResource UntagResource".split(" "),
  ..."UpdateAlias UpdateKeyDescription UpdatePrimaryRegion Verify".split(" "),
].map((name) => `kms:${name}`);

/** Every path of a vault's layout, the bucket itself, and something else. */
const rooms = [
  "audit/000001-a.json",
  "erasures/db1/0000000001.json",
  "erasure-ids/db1/0a.json",
  "manifests/db1/a.json",
  "artifacts/db1/a/b",
  "evidence/db1/a/b.json",
  "holds/db1/a.json",
  "tombstones/db1/a.json",
];
const objects = [...rooms, "holdfast.json", "RESTORE.md", "leases/writing/db1/a", "leases/reading/db1/a", "other"].map(
  (path) => `${vault}/production/${path}`,
);
const stateObjects = ["leases/writing/db1/a", "leases/reading/db1/a", "other"].map((path) => `${state}/${path}`);

/** Someone who has the whole first account, in any role that they care to make there. */
const thieves = ["dump", "prove", "record", "restore", "erase-add", "prune", "watch", "made-up"].map(
  (work) => `${stackPath}/${work}/thief`,
);

describe("someone who has the first account whole", () => {
  const can = (action: string, resource: string, context: Record<string, string> = usual): boolean =>
    thieves.some((principal) => by({ principal, action, resource, context }).length > 0);

  it("can add, read, lock what was added and look at settings, and do nothing else with the vault's bucket", () => {
    const changing = s3Actions.filter((action) => [vault, ...objects].some((resource) => can(action, resource)));
    expect(changing).toEqual([
      "s3:AbortMultipartUpload",
      "s3:GetBucketPolicy",
      "s3:GetObject",
      "s3:GetObjectLegalHold",
      "s3:GetObjectRetention",
      "s3:ListBucket",
      "s3:ListBucketMultipartUploads",
      "s3:ListBucketVersions",
      "s3:PutObject",
      "s3:PutObjectRetention",
      "s3:PutObjectTagging",
    ]);
  });

  it("can delete read marks in the state bucket, and nothing else anywhere", () => {
    const deleting = [vault, state, ...objects, ...stateObjects].filter((resource) =>
      s3Actions.filter((action) => action.startsWith("s3:Delete")).some((action) => can(action, resource)),
    );
    expect(deleting).toEqual([`${state}/leases/reading/db1/a`]);
  });

  it("cannot write over what is there, under any prefix that keeps backups", () => {
    const { "s3:if-none-match": _, ...overwriting } = usual;
    expect(objects.filter((resource) => can("s3:PutObject", resource, overwriting))).toEqual([]);
  });

  it("cannot lock longer than retention promises and a day, nor for good", () => {
    const locking = (days: number, resource: string): boolean =>
      can("s3:PutObjectRetention", resource, { ...usual, "s3:object-lock-remaining-retention-days": String(days) });
    for (const path of ["manifests/db1/a.json", "artifacts/db1/a/b", "holdfast.json"]) {
      expect(
        [31, 32, 36_500].map((days) => locking(days, `${vault}/production/${path}`)),
        path,
      ).toEqual([true, false, false]);
    }
    // Twelve months are promised: thirteen, and a month of slack.
    const evidence = `${vault}/production/evidence/db1/a/b.json`;
    expect([400, 434, 435, 36_500].map((days) => locking(days, evidence))).toEqual([true, true, false, false]);
    expect([2_558, 2_559].map((days) => locking(days, `${vault}/production/audit/000001-a.json`))).toEqual([true, false]);
    const erasure = `${vault}/production/erasures/db1/0000000001.json`;
    expect([2_558, 2_559].map((days) => locking(days, erasure))).toEqual([true, false]);
    const forGood = { ...usual, "s3:object-lock-mode": "COMPLIANCE" };
    expect(
      objects.filter((resource) => can("s3:PutObject", resource, forGood) || can("s3:PutObjectRetention", resource, forGood)),
    ).toEqual([]);
  });

  it("cannot bring another key, nor speak without TLS", () => {
    const [object] = objects as [string];
    const contexts = [
      { "aws:SecureTransport": "false" },
      { "s3:x-amz-server-side-encryption": "AES256" },
      { "s3:x-amz-server-side-encryption-aws-kms-key-id": `arn:aws:kms:eu-west-1:${working}:key/own` },
      { "s3:x-amz-server-side-encryption-customer-algorithm": "AES256" },
    ];
    expect(can("s3:PutObject", object)).toBe(true);
    for (const context of contexts)
      expect(can("s3:PutObject", object, { ...usual, ...context }), JSON.stringify(context)).toBe(false);
  });

  it("can seal, open, sign and check with the keys, and change, disable or delete none", () => {
    const uses = keys.flatMap((each) =>
      kmsActions
        .filter((action) => [usual, { ...usual, ...throughS3 }, ofManifest].some((context) => can(action, each, context)))
        .map((action) => `${each.split("/")[1]?.slice(0, 7)} ${action}`),
    );
    expect(uses).toEqual([
      "Sealing kms:Decrypt",
      "Sealing kms:DescribeKey",
      "Sealing kms:GenerateDataKey",
      "Signing kms:DescribeKey",
      "Signing kms:GetPublicKey",
      "Signing kms:Sign",
      "Storage kms:Decrypt",
      "Storage kms:DescribeKey",
      "Storage kms:GenerateDataKey",
    ]);
    expect(can("kms:Decrypt", storage as string)).toBe(false);
  });
});

describe("nobody else", () => {
  const strangers = [
    `arn:aws:iam::${working}:role/other`,
    `arn:aws:iam::${working}:role/holdfast-dev/eu-central-1`,
    `arn:aws:iam::${working}:role/holdfast-dev2/eu-central-1/dump/x`,
    `arn:aws:iam::${working}:role/holdfast-dev/eu-central-1x/dump/x`,
    `arn:aws:iam::${working}:role/x/holdfast-dev/eu-central-1/dump/x`,
    `arn:aws:iam::${working}:user/holdfast-dev/eu-central-1/dump/x`,
    `arn:aws:iam::${working}:root`,
  ];

  it.each(strangers)("of the first account does more than look: %s", (principal) => {
    const all = [...[vault, ...objects].flatMap((resource) => s3Actions.map((action) => ({ action, resource })))];
    const ofKeys = keys.flatMap((resource) => kmsActions.map((action) => ({ action, resource })));
    const allowed = [...all, ...ofKeys].filter(
      (each) => by({ principal, ...each, context: { ...usual, ...throughS3 } }).length > 0,
    );
    expect(new Set(allowed.map(({ action }) => action))).toEqual(
      new Set(["s3:ListBucket", "s3:GetBucketPolicy", "kms:DescribeKey"]),
    );
  });

  it("of a third account, and nobody without an account, may do anything", () => {
    const foreign = [
      `arn:aws:iam::333333333333:role/holdfast-dev/eu-central-1/dump/x`,
      "arn:aws:iam::333333333333:root",
      "anonymous",
    ];
    for (const principal of foreign) {
      for (const [resources, actions] of [
        [[vault, state, ...objects, ...stateObjects], s3Actions],
        [keys, kmsActions],
      ] as const) {
        for (const resource of resources)
          for (const action of actions)
            expect(by({ principal, action, resource, context: usual }), `${principal} ${action}`).toEqual([]);
      }
    }
  });
});

describe("the owner's own role that prunes", () => {
  const { arn, statements } = pruneRole();
  const may = (action: string, resource: string, context: Record<string, string> = usual): boolean =>
    by({ principal: arn, action, resource, context }, statements).length > 0;
  const room = (path: string): string => `${vault}/production/${path}`;

  it("deletes what is not locked, makes locks longer and signs tombstones; the first account's rights are not in its way", () => {
    expect(may("s3:DeleteObjectVersion", room("artifacts/db1/a/b"))).toBe(true);
    expect(
      may("s3:PutObjectRetention", room("artifacts/db1/a/b"), { ...usual, "s3:object-lock-remaining-retention-days": "400" }),
    ).toBe(true);
    expect(may("s3:PutObject", room("tombstones/db1/a.json"))).toBe(true);
    expect(may("kms:Sign", signing as string)).toBe(true);
    expect(may("kms:Decrypt", sealing as string, ofManifest)).toBe(true);
  });

  it("bypasses no lock, opens no backup and writes no evidence", () => {
    for (const action of ["s3:BypassGovernanceRetention", "s3:PutBucketPolicy", "s3:PutBucketObjectLockConfiguration"])
      expect(
        [vault, ...objects].filter((resource) => may(action, resource)),
        action,
      ).toEqual([]);
    expect(may("kms:Decrypt", sealing as string, ofArtifact)).toBe(false);
    expect(may("kms:GenerateDataKey", sealing as string)).toBe(false);
    expect(may("s3:PutObject", room("evidence/db1/a/b.json"))).toBe(false);
  });
});
