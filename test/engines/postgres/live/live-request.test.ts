import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readForeignKeys } from "../../../../src/engines/postgres/live/archive-keys.ts";
import { checkCondition } from "../../../../src/engines/postgres/live/check-condition.ts";
import { planColumns, type TableColumn } from "../../../../src/engines/postgres/live/put-back-columns.ts";
import { readTarget } from "../../../../src/engines/postgres/live/statement-target.ts";

describe("a condition after --where is one expression", () => {
  test.each([
    "created_at < '2026-01-01'",
    "(a = 1 or b = 2) and c = any (array[1, 2])",
    "note = 'a;b) --' and \"odd)\" = E'it\\'s'",
    "id in (select org from orgs where name like '%)%')",
    "body = $tag$ ; ) $tag$",
  ])("taken: %s", (condition) => expect(() => checkCondition(condition)).not.toThrow());

  test.each([
    ["", /is empty/],
    ["  ", /is empty/],
    ["true; drop table users", /has a comment, a semicolon/],
    ["true) or (true", /closes a parenthesis/],
    ["true) union select 1 --", /has a comment/],
    ["a[1) = (1]", /closes a parenthesis/],
    ["(a = 1", /opens a parenthesis/],
    ["a = 'x", /a quote that does not end/],
    ["a = 1 /* b", /has a comment/],
  ])("refused: %s", (condition, problem) => expect(() => checkCondition(condition)).toThrow(problem));

  test("property: what is taken leaves the parenthesis that it is put into open until its end", () => {
    const piece = fc.constantFrom(
      "(",
      ")",
      "[",
      "]",
      "'",
      '"',
      "$$",
      "--",
      "/*",
      "*/",
      ";",
      "a",
      " or ",
      "E'",
      "\\",
      "''",
      "\n",
      "1",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const condition = pieces.join("");
        try {
          checkCondition(condition);
        } catch {
          return;
        }
        // By hand, without quotes: the depth never falls below that of the beginning.
        const bare = condition.replaceAll(/[Ee]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$/g, "q");
        let depth = 0;
        for (const character of bare) {
          depth += character === "(" ? 1 : character === ")" ? -1 : 0;
          expect(depth).toBeGreaterThanOrEqual(0);
        }
        expect(depth).toBe(0);
        expect(bare).not.toMatch(/;|--|\/\*/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what a statement of pg_dump is about", () => {
  test.each([
    ["CREATE TABLE public.users (\n    id integer\n)", "public", "users"],
    ['CREATE UNLOGGED TABLE "S.s"."a ""b" (\n)', "S.s", 'a "b'],
    ["ALTER TABLE ONLY public.users\n    ADD CONSTRAINT x CHECK (true)", "public", "users"],
    ['CREATE UNIQUE INDEX "i ON x" ON ONLY public.users USING btree (id)', "public", "users"],
    ['CREATE POLICY "p ON other.t" ON public.users USING (true)', "public", "users"],
    [
      'CREATE TRIGGER t AFTER INSERT OR UPDATE OF a, "b" ON public.users FOR EACH ROW EXECUTE FUNCTION public.f()',
      "public",
      "users",
    ],
    ["CREATE RULE r AS\n    ON INSERT TO public.users DO INSTEAD NOTHING", "public", "users"],
    ["COMMENT ON COLUMN public.users.id IS 'ON other.t'", "public", "users"],
    ["COMMENT ON CONSTRAINT c ON public.users IS 'x'", "public", "users"],
    ["GRANT SELECT(a),UPDATE(a) ON TABLE public.users TO x", "public", "users"],
    ["GRANT SELECT,USAGE ON SEQUENCE public.s TO x", "public", "s"],
    ["SELECT pg_catalog.setval('public.\"it''s\"', 3, true)", "public", "it's"],
    ["CREATE STATISTICS public.st (dependencies) ON a, b FROM public.users", "public", "st"],
    ["ALTER INDEX public.i ATTACH PARTITION public.j", "public", "i"],
  ])("%s", (statement, schema, name) => expect(readTarget(statement)).toEqual({ schema, name }));

  test.each([
    "DROP TABLE public.users",
    "UPDATE public.users SET a = 1",
    "SELECT pg_catalog.setval('public.s', 3, true); DROP TABLE x",
    "CREATE FUNCTION public.f()",
    "TRUNCATE public.users",
    "DO $$ $$",
    "ALTER ROLE x SUPERUSER",
  ])("nothing that makes a table: %s", (statement) => expect(readTarget(statement)).toBeUndefined());
});

describe("foreign keys, as an archive has them", () => {
  const script = [
    "SET client_encoding = 'UTF8';",
    "-- Name: users x; Type: FK CONSTRAINT; Schema: public; Owner: a\n",
    'ALTER TABLE ONLY public.users\n    ADD CONSTRAINT "REFERENCES z" FOREIGN KEY ("a REFERENCES b") REFERENCES public.orgs(id);',
    "-- Name: users y; Type: FK CONSTRAINT; Schema: public; Owner: a\n",
    "ALTER TABLE ONLY public.users ADD CONSTRAINT boss FOREIGN KEY (boss) REFERENCES public.users(id);",
    "-- Name: visits z; Type: FK CONSTRAINT; Schema: public; Owner: a\n",
    "ALTER TABLE ONLY public.visits ADD CONSTRAINT v FOREIGN KEY (usr) REFERENCES public.users(id) ON DELETE CASCADE;",
    "-- Name: other o; Type: FK CONSTRAINT; Schema: public; Owner: a\n",
    "ALTER TABLE ONLY public.visits ADD CONSTRAINT o FOREIGN KEY (org) REFERENCES public.orgs(id);",
    "-- Name: users c; Type: CONSTRAINT; Schema: public; Owner: a\n",
    "ALTER TABLE ONLY public.users ADD CONSTRAINT c CHECK ((t <> 'FOREIGN KEY (a) REFERENCES public.orgs'::text));",
  ].join("\n\n");

  test("those to others and those of others, and none within the table", async () => {
    const keys = await readForeignKeys(Readable.from([Buffer.from(`${script}\n`)]), [{ schema: "public", name: "users" }]);
    expect(keys.own).toMatchObject([
      { statement: expect.stringContaining('"REFERENCES z"'), object: "schema FK CONSTRAINT public.users x" },
    ]);
    expect(keys.referring).toMatchObject([{ statement: expect.stringContaining("ON DELETE CASCADE") }]);
  });
});

const column = (name: string, more: Partial<TableColumn> = {}): TableColumn => ({
  name,
  type: "integer",
  notNull: false,
  hasDefault: false,
  generated: false,
  identity: false,
  ...more,
});
const plan = (before: TableColumn[], today: TableColumn[]) =>
  planColumns(before, today, (from, to) => from === "integer" && to === "bigint", "public.users");

describe("columns of rows that are put back", () => {
  test("those that both have, without what the server computes; what changed is named", () => {
    const before = [column("id"), column("gone"), column("sum", { generated: true }), column("n"), column("now_computed")];
    const today = [
      column("n", { type: "bigint" }),
      column("id"),
      column("sum", { generated: true }),
      column("new"),
      column("now_computed", { generated: true }),
    ];
    expect(plan(before, today)).toEqual({ columns: ["id", "n"], dropped: ["gone"], added: ["new"], widened: ["n"] });
  });

  test("all that keeps rows from coming back is said at once", () => {
    const before = [column("id"), column("n")];
    const today = [column("id"), column("n", { type: "text" }), column("must", { notNull: true })];
    expect(() => plan(before, today)).toThrow(/n was integer and is text; must was added since, takes no null and has no default/);
    expect(() => plan([column("a")], [column("b")])).toThrow(/no column is left/);
  });

  test("a column that takes no null is no obstacle where it has a default or counts itself", () => {
    const today = [column("id"), column("a", { notNull: true, hasDefault: true }), column("b", { notNull: true, identity: true })];
    expect(plan([column("id")], today).added).toEqual(["a", "b"]);
  });

  test("what was computed and is an ordinary column now gets no value of the backup's", () => {
    expect(plan([column("id"), column("s", { generated: true })], [column("id"), column("s")])).toMatchObject({
      columns: ["id"],
      added: ["s"],
    });
  });
});
