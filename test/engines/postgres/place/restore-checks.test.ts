/** The preflight: whatever is wrong is said at once, each with what to do about it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PostgresFacts } from "../../../../src/engines/postgres/backup-facts.ts";
import type { CheckedTarget } from "../../../../src/engines/postgres/place/checked-target.ts";
import { checkTarget } from "../../../../src/engines/postgres/place/restore-checks.ts";
import { isKeptOf, nameDatabases, nameUndone } from "../../../../src/engines/postgres/place/restore-names.ts";
import {
  decideOptions,
  readWishes,
  wantedOfDatabase,
  wantedRights,
} from "../../../../src/engines/postgres/place/restore-options.ts";
import type { TargetSurvey } from "../../../../src/engines/postgres/place/restore-survey.ts";
import { requirePassed } from "../../../../src/engines/preflight.ts";

const settings: CheckedTarget["settings"] = {
  host: "db.example",
  port: 5432,
  user: "app",
  database: "shop",
  sslmode: "prefer",
  connectTimeoutSeconds: 30,
  variables: {},
};

const facts = {
  serverMajor: 17,
  databaseSizeBytes: 2_000_000,
  encoding: "UTF8",
  collate: "de_DE.UTF-8",
  localeProvider: "libc",
  tablespaces: [],
} as unknown as PostgresFacts;

const there = { present: true, usable: true };
const sound: TargetSurvey = {
  maintenance: settings,
  serverMajor: 17,
  serverVersion: "17.2",
  superuser: true,
  mayCreateDatabases: true,
  ownsTarget: true,
  state: "absent",
  sessions: 0,
  preparedTransactions: 0,
  standby: false,
  freeConnections: 50,
  knowsLocale: true,
  leftovers: [],
  freeBytes: 9_000_000,
  newOwner: there,
  newTablespace: there,
  missingRoles: [],
  presentRoles: new Set(),
  missingTablespaces: [],
  missingExtensions: [],
};

function check(survey: Partial<TargetSurvey>, request: Partial<CheckedTarget["request"]> = {}, withoutExtensions: string[] = []) {
  const asked = { target: "shop", overwrite: false, ...request };
  const wishes = readWishes(asked.flags, asked.values);
  return checkTarget({ facts, settings, survey: { ...sound, ...survey }, request: asked, wishes, withoutExtensions });
}

const flags = (...names: string[]) => ({ flags: new Set(names) });
const values = (entries: Record<string, string>) => ({ values: new Map(Object.entries(entries)) });
const occupied = { state: "occupied" } as const;
const overwrite = { overwrite: true };

test("a target that is fit passes, and what was looked at is said", () => {
  const found = check({});
  expect(found.map(({ level }) => level)).toEqual(["ok", "ok", "ok"]);
  expect(() => requirePassed(found, "shop")).not.toThrow();
});

describe.each<[string, "error" | "warning" | "note", Partial<TargetSurvey>, Partial<CheckedTarget["request"]>, RegExp]>([
  ["version", "error", { serverMajor: 16 }, {}, /PostgreSQL 17 or later/],
  ["server", "error", { standby: true }, {}, /primary/],
  ["target", "error", occupied, {}, /--overwrite/],
  ["target", "error", { state: "absent" }, { overwrite: true, swap: true }, /Correct the name/],
  ["privileges", "error", { mayCreateDatabases: false, superuser: false }, {}, /ALTER ROLE "?app"? CREATEDB/],
  ["privileges", "error", { ...occupied, ownsTarget: false, superuser: false }, overwrite, /owner of the database/],
  ["roles", "error", { superuser: false }, flags("roles"), /superuser/],
  ["roles", "error", { newOwner: { present: false, usable: false } }, values({ role: "owner" }), /CREATE ROLE/],
  ["roles", "error", { newOwner: { present: true, usable: false } }, values({ role: "owner" }), /GRANT "?owner"? TO/],
  ["roles", "warning", { missingRoles: ["writer"] }, {}, /--roles/],
  [
    "tablespace",
    "error",
    { newTablespace: { present: false, usable: false } },
    values({ tablespace: "fast" }),
    /CREATE TABLESPACE/,
  ],
  ["tablespace", "error", { newTablespace: { present: true, usable: false } }, values({ tablespace: "fast" }), /GRANT CREATE ON/],
  ["tablespace", "error", { state: "empty" }, values({ tablespace: "fast" }), /new database/],
  ["tablespaces", "warning", { missingTablespaces: ["fast"] }, {}, /--tablespace/],
  ["extensions", "warning", { missingExtensions: ["postgis 3.4"] }, {}, /withoutExtensions/],
  ["encoding", "warning", { state: "empty", encoding: "LATIN1" }, {}, /DROP DATABASE/],
  ["locale", "warning", { knowsLocale: false }, {}, /locale-gen de_DE.UTF-8/],
  ["room", "error", { freeBytes: 1_999_999 }, {}, /--ignore-room/],
  ["room", "warning", { freeBytes: 1_999_999 }, { ignoreRoom: true }, /--ignore-room/],
  ["connections", "error", { freeConnections: 5 }, {}, /max_connections/],
  ["connections", "error", { ...occupied, preparedTransactions: 1 }, overwrite, /ROLLBACK PREPARED/],
  ["connections", "warning", { ...occupied, sessions: 2 }, overwrite, /pg_terminate_backend.*datname = 'shop'/],
  ["leftovers", "warning", { leftovers: ["shop_holdfast_a1b2c3"] }, {}, /DROP DATABASE "?shop_holdfast_a1b2c3"?/],
])("%s is a %s", (subject, level, survey, request, remedy) => {
  test(`where it is not as it should be: ${remedy}`, () => {
    const found = check(survey, request).filter((finding) => finding.level !== "ok");
    expect(found).toContainEqual(expect.objectContaining({ subject, level, remedy: expect.stringMatching(remedy) }));
    const refuse = () => requirePassed(found, "shop");
    if (level === "error") expect(refuse).toThrow(found.find((finding) => finding.level === "error")?.message);
    else expect(refuse).not.toThrow();
  });
});

test("an extension that the policy excepts, and sessions that are to be ended, are no warnings", () => {
  const found = check(
    { ...occupied, sessions: 1, missingExtensions: ["postgis 3.4"] },
    { ...overwrite, ...flags("end-connections") },
    ["postgis"],
  );
  expect(found.filter(({ level }) => level === "warning" || level === "error")).toEqual([]);
  expect(found).toContainEqual(expect.objectContaining({ level: "note", subject: "connections" }));
});

test("all that is wrong is in one refusal, and every failing check says how to fix it", () => {
  const found = check({ ...occupied, standby: true, freeConnections: 0, freeBytes: 0 });
  const error = (() => {
    try {
      requirePassed(found, 'database "shop"');
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  })();
  expect(error).toMatchObject({ name: "RestoreRefused", message: '4 checks of database "shop" failed; nothing was touched' });
  expect((error as { details: string[] }).details.map((line) => line.split(":")[0])).toEqual([
    "server",
    "target",
    "room",
    "connections",
  ]);
});

const surveys: fc.Arbitrary<Partial<TargetSurvey>> = fc.record({
  serverMajor: fc.constantFrom(16, 17, 18),
  superuser: fc.boolean(),
  mayCreateDatabases: fc.boolean(),
  ownsTarget: fc.boolean(),
  state: fc.constantFrom("absent", "empty", "occupied"),
  sessions: fc.nat(3),
  preparedTransactions: fc.nat(1),
  standby: fc.boolean(),
  freeConnections: fc.nat(20),
  freeBytes: fc.option(fc.nat(4_000_000), { nil: undefined }),
  encoding: fc.constantFrom("UTF8", "LATIN1", undefined),
  knowsLocale: fc.boolean(),
  newOwner: fc.record({ present: fc.boolean(), usable: fc.boolean() }),
  newTablespace: fc.record({ present: fc.boolean(), usable: fc.boolean() }),
  missingRoles: fc.array(fc.string(), { maxLength: 2 }),
  missingTablespaces: fc.array(fc.string(), { maxLength: 2 }),
  missingExtensions: fc.array(fc.string(), { maxLength: 2 }),
  leftovers: fc.array(fc.string(), { maxLength: 2 }),
});
const requests = fc.record({
  overwrite: fc.boolean(),
  swap: fc.boolean(),
  ignoreRoom: fc.boolean(),
  flags: fc.subarray(["roles", "no-owner", "no-privileges", "no-tablespaces", "end-connections"]).map((names) => new Set(names)),
  values: fc.subarray(["role", "tablespace"]).map((names) => new Map(names.map((name) => [name, "x"]))),
});

test("whatever the target is, what is wrong has a remedy, and nothing that holds something is taken without the word", () => {
  fc.assert(
    fc.property(surveys, requests, (survey, request) => {
      const found = check(survey, request);
      for (const { level, remedy } of found) if (level === "error" || level === "warning") expect(remedy).toMatch(/^\S.*[.;)\w]$/s);
      const passes = found.every(({ level }) => level !== "error");
      if (passes && survey.state === "occupied") expect(request.overwrite && survey.ownsTarget !== false).toBe(true);
      if (passes) expect(survey.standby === false && (survey.serverMajor ?? 0) >= 17).toBe(true);
    }),
  );
});

describe("names beside the target", () => {
  const instants = fc.date({ min: new Date("2000-01-01"), max: new Date("2099-01-01"), noInvalidDate: true });
  const databases = fc.string({ unit: "grapheme", minLength: 1 }).filter((name) => Buffer.byteLength(name) <= 63);

  test("fit, and what an overwrite keeps is known as its target's", () => {
    fc.assert(
      fc.property(databases, instants, (database, now) => {
        const clock = { now: () => now, monotonicMs: () => 0 };
        const names = nameDatabases(database, true, { clock, randomBytes: () => new Uint8Array(3) });
        for (const name of Object.values(names)) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(isKeptOf(database, names.setAside ?? "")).toBe(true);
        expect(isKeptOf(database, names.loadInto)).toBe(false);
        expect(isKeptOf(database, nameUndone(database, now))).toBe(false);
        expect(isKeptOf(`x${database}`.slice(0, 20), names.setAside ?? "")).toBe(false);
      }),
    );
  });

  test.each(["shop", "shop_before", "shop_before_2026", "shops_before_20261120t020000z", "_before_20261120t020000z"])(
    "%s is not what was kept of shop",
    (name) => {
      expect(isKeptOf("shop", name)).toBe(false);
    },
  );
});

describe("owners, rights and tablespaces", () => {
  const decide = (survey: Partial<TargetSurvey>, request: Partial<CheckedTarget["request"]> = {}) =>
    decideOptions(facts, { ...sound, ...survey }, settings, [], readWishes(request.flags, request.values));

  test("are kept by a superuser, and owners left out by anybody else unless told otherwise", () => {
    expect(decide({}).options).toEqual([]);
    expect(decide({ superuser: false })).toMatchObject({ options: ["--no-owner"], notRestored: "owners" });
    expect(decide({ superuser: false }, flags("no-owner")).notRestored).toBeUndefined();
  });

  test("are mapped: to one role, to one tablespace", () => {
    const mapped = decide({}, values({ role: "owner", tablespace: "fast" }));
    expect(mapped.options).toEqual(["--no-owner", "--role=owner", "--no-tablespaces"]);
    expect(mapped.notices).toEqual([expect.stringContaining('"owner"'), expect.stringContaining('"fast"')]);
  });

  test("of missing roles are applied one by one, but for what is left out on purpose", () => {
    const missing = { missingRoles: ["writer"] };
    expect(decide(missing)).toMatchObject({ rightsAfterwards: true, options: ["--no-owner", "--no-privileges"] });
    expect(decide(missing, flags("no-owner", "no-privileges"))).toMatchObject({ rightsAfterwards: false });
    const statements = ["ALTER TABLE t OWNER TO writer", "GRANT SELECT ON TABLE t TO reader"];
    expect(wantedRights(statements, readWishes(new Set(["no-owner"])))).toEqual([statements[1]]);
    expect(wantedRights(statements, readWishes(new Set(["no-privileges"])))).toEqual([statements[0]]);
  });

  test("of the database itself follow the same words", () => {
    const [owner, grant, setting] = [
      { before: "ALTER DATABASE ", after: " OWNER TO writer" },
      { before: "GRANT CONNECT ON DATABASE ", after: " TO reader" },
      { before: "ALTER DATABASE ", after: " SET work_mem TO '7MB'" },
    ];
    const all = [owner, grant, setting].filter((statement) => statement !== undefined);
    expect(wantedOfDatabase(all, readWishes(new Set(["no-owner"])))).toEqual([grant, setting]);
    expect(wantedOfDatabase(all, readWishes(new Set(["no-privileges"])))).toEqual([owner, setting]);
    expect(wantedOfDatabase(all, readWishes())).toEqual(all);
  });
});
