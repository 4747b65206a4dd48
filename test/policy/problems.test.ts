import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { messagesOf, problemsOf, smallest, withFiles, withPostgres, withSource, withTop } from "./policy-texts.ts";

const form =
  'write a cron expression with five fields such as "0 2 * * *" (minute, hour, day of the month, month, day of the week)';
const allowedBySource =
  "engine, connection, tier, objectives, vault, key, size, backup, exclude, sourceCheck, rolePasswords, retention, verify, restoreTest";

describe("problems of a policy", () => {
  it("name file, line and column, stand in the order of the text, and are all there at once", () => {
    const text = `version: 2
timezon: UTC
vaults:
  main: folder:/srv/vault
keys:
  main: file:/srv/main.key
sources:
  shop:
    engine: postgress
    connection: env:SHOP_URL
    tier: critcal
    vault: mian
    backup: { full: 0 2 * *, incremental: 0 * * * * }
    retention: {}
  docs:
    engine: files
`;
    expect(problemsOf(text)).toEqual([
      "holdfast.yml:1:10: version: 2 is not allowed; this Holdfast reads version 1",
      'holdfast.yml:2:1: timezon: unknown key; allowed: version, timezone, vaults, keys, sources, restoreTargets, alerts, audit, approvals; did you mean "timezone"?',
      'holdfast.yml:9:13: sources.shop.engine: "postgress" is not allowed; one of postgres, files; did you mean "postgres"?',
      'holdfast.yml:11:11: sources.shop.tier: "critcal" is not allowed; one of critical, important, standard; did you mean "critical"?',
      'holdfast.yml:12:12: sources.shop.vault: there is no vault "mian"; one of main; did you mean "main"?',
      `holdfast.yml:13:21: sources.shop.backup.full: "0 2 * *" has 4 fields; ${form}`,
      "holdfast.yml:13:30: sources.shop.backup.incremental: the postgres engine makes no incremental backups; allowed: full",
      "holdfast.yml:14:16: sources.shop.retention: keeps nothing: write at least one of keepLast, keepWithin, recoveryWindow, daily, weekly, monthly, yearly, kinds, such as { daily: 30, monthly: 12 }",
      "holdfast.yml:15:3: sources.docs.path: is required: write a path",
      "holdfast.yml:15:3: sources.docs.retention: is required: write which backups stay, such as { daily: 30, monthly: 12 }",
    ]);
  });

  it("make one error, which counts them and ends a command with exit code 2", () => {
    const attempt = (text: string) => () => parsePolicy(text, "conf/holdfast.yml", { directory: "/" });
    expect(attempt("version: 1\n")).toThrow(
      expect.objectContaining({ name: "PolicyInvalid", exitCode: 2, message: "conf/holdfast.yml has 3 problems" }),
    );
    expect(attempt(withTop("timezone: Berlin"))).toThrow(expect.objectContaining({ message: "conf/holdfast.yml has one problem" }));
  });

  it.each([
    // The whole
    [
      "version: 1\n",
      [
        "vaults: is required: write a name and where it is, such as main: folder:/srv/holdfast",
        "keys: is required: write a name and a key, such as main: file:~/.config/holdfast/main.key",
        "sources: is required: write a name and what is backed up, such as taskmaster: { engine: postgres, … }",
      ],
    ],
    [smallest.replace("version: 1\n", ""), ["version: is required: write version: 1"]],
    [withTop('version: "1"'), ['version: "1" is not allowed; this Holdfast reads version 1']],
    [withTop("timezone: 5"), ["timezone: must be an IANA time zone such as Europe/Berlin, or UTC, not the number 5"]],
    [withTop("timezone:"), ["timezone: has no value: write an IANA time zone such as Europe/Berlin, or UTC"]],
    [
      withTop("sources: {}"),
      ["sources: is empty: write a name and what is backed up, such as taskmaster: { engine: postgres, … }"],
    ],
    [
      withTop("sources: [a]"),
      ["sources: must be a name and what is backed up, such as taskmaster: { engine: postgres, … }, not a list"],
    ],
    [withTop("sources: { shop: }"), ["sources.shop: has no value: write a mapping that begins with engine:"]],
    [
      smallest.replace("shop:", "Shop_1:"),
      ["sources.Shop_1: is not allowed as a name; 1 to 63 lower-case letters, digits and hyphens, a letter or digit first"],
    ],
    [
      smallest.replace("shop:", "../shop:"),
      ['sources["../shop"]: is not allowed as a name; 1 to 63 lower-case letters, digits and hyphens, a letter or digit first'],
    ],
    // Engines
    [withSource("connection: env:A\nretention: { daily: 1 }"), ["sources.shop.engine: is required: write one of postgres, files"]],
    [
      withSource("engine: oracle\nretention: { daily: 1 }"),
      ['sources.shop.engine: "oracle" is not allowed; one of postgres, files'],
    ],
    [
      withSource("engine: file\nretention: { daily: 1 }\nconnection: x\npath: /a"),
      [
        'sources.shop.engine: "file" is not allowed; one of postgres, files; did you mean "files"?',
        "sources.shop.connection: unknown key; allowed: engine, path, include, exclude, maxHoles, tier, objectives, vault, key, size, backup, retention, verify, restoreTest",
      ],
    ],
    [
      withFiles("restoreTest: { assert: [] }"),
      ["sources.shop.restoreTest.assert: unknown key; assertions are queries, and a tree of files answers none"],
    ],
    [
      withFiles("backup: { log: 1 }"),
      ["sources.shop.backup.log: the files engine makes no log backups; allowed: full, incremental, differential"],
    ],
    // Keys and values
    [withPostgres("retension: 1"), [`sources.shop.retension: unknown key; allowed: ${allowedBySource}; did you mean "retention"?`]],
    [
      withPostgres("password: x"),
      [
        `sources.shop.password: unknown key; a secret does not stand in the policy, only where it is found does; allowed: ${allowedBySource}`,
      ],
    ],
    [withPostgres("rolePasswords: yes"), ['sources.shop.rolePasswords: must be true or false, not the text "yes"']],
    [
      withPostgres("sourceCheck: count"),
      ['sources.shop.sourceCheck: "count" is not allowed; one of counts, content, none; did you mean "counts"?'],
    ],
    [
      withPostgres("objectives: { rpo: 60, rto: 1y }"),
      [
        "sources.shop.objectives.rpo: must be a duration such as 15m, 1h, 30d or 4w, not the number 60",
        'sources.shop.objectives.rto: "1y": months and years have no fixed length; write days or weeks, such as 365d',
      ],
    ],
    [
      withPostgres('backup: "0 2 * * *"'),
      ['sources.shop.backup: must be a kind and its schedule, such as { full: "0 2 * * *" }, not the text "0 2 * * *"'],
    ],
    [
      withPostgres("backup: { ful: 0 2 * * * }"),
      ['sources.shop.backup.ful: unknown key; allowed: full, window; did you mean "full"?'],
    ],
    [
      withPostgres("exclude: { data: public.sessions }"),
      ['sources.shop.exclude.data: must be a list of patterns such as [public.sessions], not the text "public.sessions"'],
    ],
    [
      withPostgres("exclude: { data: [] }"),
      ["sources.shop.exclude.data: is an empty list: write a list of patterns such as [public.sessions], or leave the key out"],
    ],
    [
      withPostgres("exclude: { tables: [a.b.c, 'a.', '\"a', '', 5] }"),
      [
        'sources.shop.exclude.tables[0]: "a.b.c" has more than two parts; write schema.table, a name with a dot in double quotes',
        'sources.shop.exclude.tables[1]: "a." is not a pattern such as public.sessions',
        'sources.shop.exclude.tables[2]: "\\"a" opens a double quote and does not close it',
        "sources.shop.exclude.tables[3]: a pattern is missing",
        "sources.shop.exclude.tables[4]: must be a pattern such as public.sessions, not the number 5",
      ],
    ],
    [
      withFiles("exclude: ['!a', ../b, a//b, ~/c, 'd**', \"e\\n\"]"),
      [
        'sources.shop.exclude[0]: "!a" is negated; name what is left out under exclude',
        'sources.shop.exclude[1]: "../b" holds "." or ".."; patterns are relative to the source\'s path',
        'sources.shop.exclude[2]: "a//b" has an empty name between its slashes',
        'sources.shop.exclude[3]: "~/c" begins with ~/; patterns are relative to the source\'s path',
        'sources.shop.exclude[4]: "d**" has ** beside other characters; it stands alone between slashes, as in uploads/**',
        'sources.shop.exclude[5]: "e\\n" holds a control character',
      ],
    ],
    [withPostgres("verify: { maxDrop: 0.5 }"), ["sources.shop.verify.maxDrop: must be a share such as 50%, not the number 0.5"]],
    // Retention
    [
      withPostgres("", "retention: { daily: 0, weekly: 1.5, monthly: many, yearly: }"),
      [
        "sources.shop.retention.daily: must be a whole number from 1 to 100000, not the number 0",
        "sources.shop.retention.weekly: must be a whole number from 1 to 100000, not the number 1.5",
        'sources.shop.retention.monthly: must be a whole number from 1 to 100000, not the text "many"',
        "sources.shop.retention.yearly: has no value: write a whole number from 1 to 100000",
      ],
    ],
    [
      withPostgres("", "retention: { permanent: [yesterday] }"),
      ["sources.shop.retention.permanent[0]: is not the id of a backup, such as 20261120T020000Z-full-7k3f9a"],
    ],
    [
      withPostgres("", "retention: { kinds: {} }"),
      [
        "sources.shop.retention: keeps nothing: write at least one of keepLast, keepWithin, recoveryWindow, daily, weekly, monthly, yearly, kinds, such as { daily: 30, monthly: 12 }",
      ],
    ],
    [
      withPostgres("", "retention: { kinds: { log: 7d } }"),
      ["sources.shop.retention.kinds.log: the postgres engine makes no log backups; allowed: full"],
    ],
    [
      withPostgres("", "retention: { dayly: 7 }"),
      [
        'sources.shop.retention.dayly: unknown key; allowed: daily, weekly, monthly, yearly, keepLast, keepWithin, recoveryWindow, kinds, permanent, minAge, maxRemoval; did you mean "daily"?',
      ],
    ],
    [
      withPostgres("", "retention: 30d"),
      ['sources.shop.retention: must be which backups stay, such as { daily: 30, monthly: 12 }, not the text "30d"'],
    ],
    // Assertions
    [
      withPostgres("restoreTest: { assert: [{ sql: select 1 }] }"),
      ["sources.shop.restoreTest.assert[0]: needs exactly one of equals, atLeast, atMost"],
    ],
    [
      withPostgres("restoreTest: { assert: [{ sql: select 1, atLeast: 1, atMost: 2 }] }"),
      ["sources.shop.restoreTest.assert[0]: needs exactly one of equals, atLeast, atMost"],
    ],
    [
      withPostgres("restoreTest: { assert: [{ sql: select 1, equal: 1 }] }"),
      [
        'sources.shop.restoreTest.assert[0].equal: unknown key; allowed: sql, equals, atLeast, atMost, name; did you mean "equals"?',
      ],
    ],
    [
      withPostgres("restoreTest: { assert: [{ sql: ' ', atLeast: one }] }"),
      [
        "sources.shop.restoreTest.assert[0].sql: the query is missing",
        'sources.shop.restoreTest.assert[0].atLeast: must be a number, not the text "one"',
      ],
    ],
    [
      withPostgres("restoreTest: { assert: [{ sql: select 1, equals: [1] }] }"),
      ["sources.shop.restoreTest.assert[0].equals: must be a text, a number, true or false, not a list"],
    ],
    [
      withPostgres("restoreTest: { assert: { sql: select 1 } }"),
      [
        "sources.shop.restoreTest.assert: must be a list of checks such as - { sql: select count(*) from users, atLeast: 1 }, not a mapping",
      ],
    ],
    // Vaults
    [
      withTop("vaults: { main: /srv/vault }"),
      ['vaults.main: "/srv/vault" is not allowed; a vault in a folder is written folder:/srv/vault'],
    ],
    [withTop("vaults: { main: s3:acme }"), ['vaults.main: "s3:acme" is not allowed; write s3://BUCKET/PREFIX']],
    [
      withTop("vaults: { main: s3://Acme }"),
      ['vaults.main: "Acme" is not a bucket name; use 3 to 63 lower-case letters, digits, dots and hyphens'],
    ],
    [
      withTop("vaults: { main: s3://acme/a/../b }"),
      ['vaults.main: "a/../b" is not allowed as a prefix; letters, digits and ! _ . * \' ( ) = - between single slashes'],
    ],
    [
      withTop("vaults: { main: fodler:/a }"),
      ['vaults.main: "fodler:" is not allowed; one of folder:PATH or s3://BUCKET/PREFIX; did you mean "folder:"?'],
    ],
    [withTop("vaults: { main: ftp://acme }"), ["vaults.main: is not written as one of folder:PATH or s3://BUCKET/PREFIX"]],
    [withTop("vaults: { main: 'folder:' }"), ["vaults.main: a path is missing"]],
    [
      withTop("vaults: { main: folder:$HOME/v }"),
      ['vaults.main: "$HOME/v": variables are not expanded in a policy; write the path in full, or with ~'],
    ],
    [
      withTop("vaults: { main: folder:~root/v }"),
      ['vaults.main: "~root/v": only ~/ is expanded, to your own home directory; write the path in full'],
    ],
    [
      withTop("vaults: { main: { type: s4, bucket: acme } }"),
      ['vaults.main.type: "s4" is not allowed; one of folder, s3; did you mean "s3"?'],
    ],
    [withTop("vaults: { main: { bucket: acme } }"), ["vaults.main.type: is required: write one of folder, s3"]],
    [
      withTop(
        "vaults: { main: { type: s3, bucket: acme, endpoint: http://s3.example.com, pathstyle: true, partsLimit: 20000, checksums: none } }",
      ),
      [
        'vaults.main.endpoint: "http://s3.example.com" is not encrypted; write https:// (http:// is for this machine only)',
        'vaults.main.pathstyle: unknown key; allowed: type, bucket, prefix, region, endpoint, pathStyle, partsLimit, checksums, retryFor, lock, state, tiers; did you mean "pathStyle"?',
        "vaults.main.partsLimit: must be a whole number from 1 to 10000, not the number 20000",
        'vaults.main.checksums: "none" is not allowed; one of supported, required',
      ],
    ],
    [
      withTop("vaults: { main: { type: s3, bucket: acme, endpoint: s3.example.com } }"),
      ['vaults.main.endpoint: "s3.example.com" is not an address such as https://s3.example.com'],
    ],
    [
      withTop("vaults: { main: 5 }"),
      ["vaults.main: must be folder:PATH or s3://BUCKET/PREFIX, or a mapping with type and its options, not the number 5"],
    ],
    [
      withTop("vaults: { a: folder:/a, b: folder:/b }"),
      ["sources.shop.vault: is required: there are 2 vaults and none of them is called main; one of a, b"],
    ],
    // Keys
    [
      withTop("keys: { main: /srv/main.key }"),
      ["keys.main: is not written as one of file:PATH or kms:KEY; a key itself does not stand in the policy"],
    ],
    [
      withTop("keys: { main: kms:holdfast }"),
      ["keys.main: kms: takes an alias such as alias/holdfast, a key id, or the ARN of either"],
    ],
    [
      withTop("keys: { main: 'arn:aws:kms:eu-central-1:123456789012:alias/a' }"),
      ["keys.main: a KMS key is written with kms: before its ARN"],
    ],
    [withTop("keys: { main: [] }"), ["keys.main: is an empty list: write a list of file:PATH or kms:KEY, or leave the key out"]],
    [
      withTop("keys: { main: [file:/a, { type: kms, keyid: alias/a }] }"),
      [
        "keys.main[1].keyId: is required: write an alias, id or ARN of a KMS key",
        'keys.main[1].keyid: unknown key; allowed: type, keyId, region, endpoint, rotation, signing; did you mean "keyId"?',
      ],
    ],
    // Alerts
    [
      withTop("alerts: { critical: email:ops@example.com }"),
      ['alerts.critical: must be a list such as [email:ops@example.com], not the text "email:ops@example.com"'],
    ],
    [
      withTop("alerts: { crit: [email:ops@example.com] }"),
      ['alerts.crit: unknown key; allowed: critical, warning, info; did you mean "critical"?'],
    ],
    [
      withTop("alerts: { critical: [ops@example.com] }"),
      ['alerts.critical[0]: "ops@example.com" is not allowed; write email:ops@example.com'],
    ],
    [withTop("alerts: { critical: [email:ops] }"), ["alerts.critical[0]: email: takes one address such as ops@example.com"]],
    [
      withTop("alerts: { critical: [slack:general] }"),
      ["alerts.critical[0]: slack: takes where its webhook stands: slack:env:NAME, slack:file:PATH or slack:secret/ID"],
    ],
    [
      withTop("alerts: { critical: [slack:service:a] }"),
      ["alerts.critical[0]: slack: takes where its webhook stands: slack:env:NAME, slack:file:PATH or slack:secret/ID"],
    ],
    [withTop("alerts: { critical: [{ email: a@b, slack: env:A }] }"), ["alerts.critical[0]: needs exactly one of email, slack"]],
    [
      withTop("alerts: { critical: [{ slack: service:a }] }"),
      ["alerts.critical[0].slack: is not written as one of env:NAME, file:PATH or secret:ID"],
    ],
  ] as readonly (readonly [string, readonly string[]])[])("of %j", (text, messages) => {
    expect(messagesOf(text)).toEqual(messages);
  });

  it("are found in any damaged text without any other error, each with its place", () => {
    const characters = fc.oneof(fc.constantFrom(..."\n :-{}[]&*!|>'\"%@`,#?~\t\0\u2028😀"), fc.string({ maxLength: 3 }));
    const edit = fc.record({ at: fc.nat(smallest.length), remove: fc.nat(8), insert: characters });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = smallest;
        for (const { at, remove, insert } of edits) text = text.slice(0, at) + insert + text.slice(at + remove);
        const lines = text.split("\n");
        for (const problem of problemsOf(text)) {
          const [, line = "0", column = "0"] = /^holdfast\.yml:(\d+):(\d+): \S/.exec(problem) ?? [];
          expect(Number(line)).toBeGreaterThan(0);
          expect(Number(column)).toBeGreaterThan(0);
          expect(Number(line)).toBeLessThanOrEqual(lines.length);
          expect(Number(column)).toBeLessThanOrEqual((lines[Number(line) - 1] ?? "").length + 1);
          expect(problem).not.toMatch(/Invalid input|undefined|\[object/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("never hide behind another kind of error for values of the wrong shape", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const keys = fc.constantFrom("version", "timezone", "vaults", "keys", "sources", "alerts");
    const sourceKeys = fc.constantFrom(
      "engine",
      "connection",
      "tier",
      "objectives",
      "vault",
      "key",
      "backup",
      "exclude",
      "retention",
      "verify",
      "restoreTest",
      "path",
      "include",
    );
    fc.assert(
      fc.property(keys, value, sourceKeys, value, (key, top, sourceKey, inner) => {
        const policy = {
          version: 1,
          vaults: { main: "folder:/a" },
          keys: { main: "file:/b" },
          sources: { shop: { engine: "postgres", connection: "env:A", retention: { daily: 1 }, [sourceKey]: inner } },
        };
        for (const candidate of [policy, { ...policy, [key]: top }]) {
          for (const problem of problemsOf(JSON.stringify(candidate)))
            expect(problem).not.toMatch(/Invalid input|undefined|\[object/);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("count as the user's, not as a defect", () => {
    try {
      parsePolicy("", "holdfast.yml");
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(HoldfastError);
      expect(error).toMatchObject({
        code: "HF203",
        hint: "Fix the lines listed above; docs/policy-reference.md describes every key.",
      });
    }
  });
});
