/**
 * One table, or rows of it, into a live database: on the servers of a file that has two of them.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LiveOutcome } from "../../../src/engines/place.ts";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openLivePlace } from "../../../src/engines/postgres/live/live-place.ts";
import { readLiveRequest } from "../../../src/engines/postgres/live/live-request.ts";
import { ownTarget } from "../../../src/engines/restore-request.ts";
import type { ContentDigest } from "../../../src/proof/content.ts";
import type { ErasureTarget } from "../../../src/proof/erasure.ts";
import type { PostgresServer } from "../../support/postgres-server.ts";
import { waitFor } from "../../support/processes.ts";
import { definitionOf, stateOf } from "./live-queries.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

interface Servers {
  /** Of the lowest and the highest major. */
  readonly server: PostgresServer;
  readonly newer: PostgresServer;
  readonly directory: string;
}

interface Shop {
  readonly taken: TakenBackup;
  readonly digest: ContentDigest;
  readonly on: PostgresServer;
}

interface Asked {
  readonly flags?: readonly string[];
  readonly values?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly erase?: readonly ErasureTarget[];
}

const longName = '"Sch.ema"."a very long name of a table, that takes all sixty-three bytesxx"';
export function describeLive(servers: () => Servers): void {
  let low: Shop;
  let high: Shop;
  let sql: string;

  beforeAll(async () => {
    const { server, newer, directory } = servers();
    sql = await readFile(join(import.meta.dirname, "../../support/live-table.sql"), "utf8");
    const take = async (on: PostgresServer): Promise<Shop> => {
      await on.sql("create role owner; create role seller; create database live");
      await on.sql(sql, "live");
      const place = join(directory, `live-${on.major}`);
      await mkdir(place);
      const taken = await takeBackup(on, "live", place, { binDirs: [server.binDir, newer.binDir] });
      return { taken, digest: await digestPostgresBackup(taken.backup, taken.context), on };
    };
    low = await take(server);
    high = await take(newer);
  });

  const fresh = async ({ on }: Shop): Promise<void> => {
    await on.sql("drop database live with (force)");
    await on.sql("create database live");
    await on.sql(sql, "live");
  };

  async function put({ taken, digest, on }: Shop, table: string, asked: Asked): Promise<LiveOutcome> {
    const { flags = [], values = {}, target = ownTarget, erase = [] } = asked;
    const request = { target, overwrite: false, only: [table], flags: new Set(flags), values: new Map(Object.entries(values)) };
    const wanted = readLiveRequest(request);
    if (wanted === undefined) throw new Error("not asked for");
    const context = { ...taken.context, environment: { ...taken.context.environment, OTHER: high.on.urlOf("live") } };
    const place = await openLivePlace(taken.backup, taken.source, request, wanted, context);
    try {
      const { findings } = await place.load();
      expect(findings.filter((finding) => finding.class !== "benign" && finding.class !== "excepted")).toEqual([]);
      expect((await place.compare(digest)).differences).toEqual([]);
      if (erase.length > 0) expect((await place.erase?.(erase, []))?.refused).toEqual([]);
      await place.commit();
      return place.live?.() as LiveOutcome;
    } finally {
      await place.close();
      expect(await on.sql("select count(*) from pg_stat_activity where application_name = 'holdfast'")).toBe("0");
    }
  }
  const ask = ({ on }: Shop, query: string): Promise<string> => on.sql(query, "live");

  describe("live: a table beside the live one", () => {
    test.each([
      ["on the lowest major", () => low, () => low, ownTarget],
      ["on the highest major", () => high, () => high, ownTarget],
      ["from the lowest to the highest", () => low, () => high, "env:OTHER"],
    ] as const)(
      "has all that the table is, under names of its own; the live one is not touched: %s",
      async (_, from, to, target) => {
        await fresh(to());
        const before = await ask(to(), stateOf);
        const outcome = await put(from(), "public.users", { flags: ["beside"], target });
        expect(outcome).toMatchObject({
          as: "public.users_restored",
          applied: true,
          rows: { inBackup: 100, chosen: 100, inserted: 100 },
        });
        expect(outcome.notices.join("\n")).toMatch(/left out.*rule keep_boss.*trigger tell_users.*users_org_fkey/s);
        expect(await ask(to(), stateOf)).toBe(before);
        const [copy, own] = [await ask(to(), definitionOf("users_restored")), await ask(to(), definitionOf("users"))];
        expect(copy).toBe(own);
        // What the live database gives every new table is not the backup's.
        expect(await ask(to(), "select has_table_privilege('seller', 'users_restored', 'insert')")).toBe("f");
        expect(
          await ask(to(), "select count(*) from pg_trigger where tgrelid = 'users_restored'::regclass and not tgisinternal"),
        ).toBe("0");
        expect(await ask(to(), "select count(*) from (select * from users except select * from users_restored) d")).toBe("0");
        expect(await ask(to(), "insert into users_restored (mail) values ('x@y') returning id > 100")).toContain("t");
      },
    );

    test("a condition chooses rows, and cannot do anything else; a name that is taken gets a number", async () => {
      await fresh(low);
      await ask(low, "create view users_restored as select 1; create type users_restored_2 as (a int)");
      const where = "id <= 10 and mood <> 'sad'";
      const outcome = await put(low, "users", { flags: ["beside"], values: { where } });
      expect(outcome).toMatchObject({ as: "public.users_restored_3", rows: { inBackup: 100, chosen: 7, inserted: 7 } });
      expect(await ask(low, `select count(*) from users_restored_3 where not (${where})`)).toBe("0");
      for (const [condition, words] of [
        ["nonsense(id)", /function nonsense\(integer\) does not exist/],
        ["pg_read_file('/etc/passwd') <> ''", /permission denied for function pg_read_file/],
      ] as const) {
        await expect(put(low, "users", { flags: ["beside"], values: { where: condition } })).rejects.toMatchObject({
          name: "UsageInvalid",
          message: expect.stringMatching(words),
        });
      }
    });

    test("a partitioned table comes with its partitions, and the longest names are cut and numbered", async () => {
      await fresh(high);
      const parted = await put(high, "events", { flags: ["beside"], values: { as: "old" } });
      expect(parted.rows.inserted).toBe(100);
      expect(
        await ask(
          high,
          "select string_agg(inhrelid::regclass::text, ' ' order by inhrelid::regclass::text) from pg_inherits where inhparent = 'old'::regclass",
        ),
      ).toBe('"old_odd.part" old_2024');
      expect((await put(high, longName, { flags: ["beside"] })).as).toMatch(/_restored"$/);
      // A partition on its own is no part of the live table.
      await put(high, "events_2024", { flags: ["beside"] });
      expect(await ask(high, "select count(*) from pg_inherits where inhparent = 'events'::regclass")).toBe("2");
    });

    test("what the live database lacks is named, and taken along on a word", async () => {
      await fresh(high);
      await ask(high, "drop table users cascade; drop function level; drop type mood");
      await expect(put(high, "users", { flags: ["beside"] })).rejects.toMatchObject({
        name: "RestoreRefused",
        message: expect.stringMatching(/lacks .*function public\.level\(public\.mood\).*type public\.mood/),
      });
      const outcome = await put(high, "users", { flags: ["beside", "with-needed"] });
      expect(outcome.notices.join()).toMatch(/made as well.*level.*mood/);
      expect(await ask(high, "select count(*) from users_restored where mood = 'ok' and rank = 1")).toBe("34");
    });
  });

  describe("live: rows back into the live table", () => {
    beforeEach(() => fresh(low));

    test("those that were deleted are counted, put back and found; what is there stays as it is", async () => {
      await ask(
        low,
        "delete from visits; delete from users where id between 20 and 39; update users set mail = 'new@example.com' where id = 50",
      );
      await ask(
        low,
        "alter table users drop column born, add column added int default 7; alter sequence users_id_seq restart with 30",
      );
      const before = await ask(low, stateOf);
      const counts = { inBackup: 100, chosen: 100, equal: 79, different: 1, missing: 20 };
      const counted = await put(low, "users", { flags: ["into-live"] });
      expect(counted).toMatchObject({ kind: "rows", applied: false, rows: { ...counts, inserted: 0 } });
      expect(await ask(low, stateOf)).toBe(before);

      const done = await put(low, "users", { flags: ["into-live", "yes"] });
      expect(done).toMatchObject({ applied: true, rows: { ...counts, inserted: 20 } });
      const said = done.notices.join("\n");
      for (const words of [
        /told apart by id/,
        /no longer.*born/,
        /added since.*added/,
        /fire.*tell_users/,
        /set forward.*users_id_seq to 39/,
      ])
        expect(said).toMatch(words);
      expect(await ask(low, "select count(*), count(*) filter (where added = 7), (select count(*) from told) from users")).toBe(
        "100|100|20",
      );
      expect(await ask(low, "select mail from users where id = 50")).toBe("new@example.com");
      expect(await ask(low, "select id, mail, mood, rank, boss from users where id = 21")).toBe("21|user21@example.com|sad|0|1");
    });

    test("an emptied table is filled again without its triggers, but for what a condition leaves out", async () => {
      await ask(
        low,
        "alter table users disable trigger tell_users; alter table users enable always trigger tell_users; truncate users cascade",
      );
      const outcome = await put(low, "users", {
        flags: ["into-live", "yes", "no-triggers"],
        values: { where: "id <= 50" },
      });
      expect(outcome.rows).toEqual({ inBackup: 100, chosen: 50, equal: 0, different: 0, missing: 50, inserted: 50 });
      expect(await ask(low, "select count(*), (select count(*) from told) from users")).toBe("50|0");
      expect(await ask(low, "select tgenabled from pg_trigger where tgname = 'tell_users'")).toBe("A");
    });

    test("what was erased since is taken out of the copy, and does not come back; rows go to their partitions", async () => {
      await ask(low, "truncate events");
      const outcome = await put(low, "events", {
        flags: ["into-live", "yes"],
        erase: [{ schema: "public", table: "events", key: { id: "7" } }],
      });
      expect(outcome.rows).toMatchObject({ inBackup: 99, missing: 99, inserted: 99 });
      expect(await ask(low, "select count(*), count(*) filter (where id = 7), count(distinct tableoid) from events")).toBe(
        "99|0|2",
      );
    });

    test("what cannot be put back as it was changes nothing, and says why", async () => {
      const refused = async (table: string, words: RegExp, ...flags: string[]): Promise<void> => {
        const before = await ask(low, stateOf);
        await expect(put(low, table, { flags: ["into-live", "yes", ...flags] })).rejects.toThrow(words);
        expect(await ask(low, stateOf)).toBe(before);
      };
      await refused("keyless", /has no primary key/);
      await ask(low, "delete from visits; delete from users where id > 90; insert into users (mail) values ('user95@example.com')");
      await refused("users", /1 of 10 missing rows were not taken/);
      await ask(low, "delete from users where id > 90; update users set org = null; delete from orgs");
      await refused("users", /violates foreign key constraint "users_org_fkey"/);
      await ask(
        low,
        "insert into orgs values (1, 'one'), (2, 'two'); create function shout() returns trigger language plpgsql as 'begin new.mail = upper(new.mail); return new; end'; create trigger shout before insert on users for each row execute function shout()",
      );
      await refused("users", /10 of 10 rows would arrive with other values/);
      await ask(low, "alter table users alter column mail type varchar(100)");
      await refused("users", /mail was text and is character varying\(100\)/);
    });

    test("a dropped table is made again in its place, with its triggers and foreign keys", async () => {
      await ask(low, "drop table users cascade");
      const counted = await put(low, "users", { flags: ["into-live"] });
      expect(counted).toMatchObject({ kind: "made again", applied: false, rows: { missing: 100 } });
      expect(await ask(low, "select to_regclass('users') is null")).toBe("t");
      const made = await put(low, "users", { flags: ["into-live", "yes"] });
      expect(made).toMatchObject({ as: "public.users", applied: true, rows: { inserted: 100 } });
      expect(made.notices.join()).toMatch(/foreign keys of other tables.*visits_usr_fkey/s);
      expect(
        await ask(
          low,
          "select string_agg(conname, ' ' order by conname) from pg_constraint where conrelid = 'users'::regclass and contype = 'f'",
        ),
      ).toBe("users_boss_fkey users_org_fkey");
      expect(await ask(low, "insert into users (mail) values ('x@y'); select count(*) from told")).toContain("1");
    });
  });

  describe("live: what goes wrong in the middle leaves the live table as it was", () => {
    beforeEach(async () => {
      await fresh(high);
      await ask(high, "delete from visits; delete from users where id > 90");
    });
    const ours = "select count(*) from pg_stat_activity where application_name = 'holdfast' and wait_event_type = 'Lock'";

    /** Holds the table in another session until the restore waits for it, then does `then`. */
    async function whileLocked(statement: string, then: string): Promise<unknown> {
      const holding = ask(
        high,
        `begin; ${statement}; select pg_sleep(0.01); do $$ begin for n in 1..60000 loop exit when exists (select from pg_locks where not granted); perform pg_sleep(0.01); end loop; end $$; ${then}`,
      );
      await waitFor(
        "the lock",
        async () =>
          (await ask(
            high,
            "select count(*) from pg_locks where relation = 'users'::regclass and mode = 'AccessExclusiveLock' and granted",
          )) === "1",
      );
      const error = await put(high, "users", { flags: ["into-live", "yes"] }).catch((failure: unknown) => failure);
      await holding;
      return error;
    }

    test("the connection is lost", async () => {
      const before = await ask(high, stateOf);
      const error = await whileLocked(
        "lock table users",
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast' and wait_event_type = 'Lock'; rollback",
      );
      expect(error).toMatchObject({ name: "RestoreFailed", hint: expect.stringContaining("Nothing was changed") });
      expect(await ask(high, stateOf)).toBe(before);
      expect(await ask(high, ours)).toBe("0");
    });

    test("somebody drops the table", async () => {
      const error = await whileLocked("drop table users cascade", "commit");
      expect(error).toMatchObject({ name: "RestoreFailed", message: expect.stringContaining('"public.users" does not exist') });
      expect(await ask(high, "select to_regclass('users') is null")).toBe("t");
    });
  });
}
