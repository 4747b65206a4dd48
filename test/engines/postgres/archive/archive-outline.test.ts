import { expect, test } from "vitest";
import { isPlainEntry, readRoles } from "../../../../src/engines/postgres/archive/archive-outline.ts";

test.each([
  ["ALTER TABLE public.t OWNER TO app", ["app"]],
  ['ALTER FUNCTION public."f OWNER TO x"(text) OWNER TO "App ""one"""', ['App "one"']],
  ["GRANT SELECT,INSERT ON TABLE public.t TO reader WITH GRANT OPTION", ["reader"]],
  ["REVOKE ALL ON SCHEMA public FROM PUBLIC", []],
  ["REVOKE ALL ON SCHEMA public FROM old", ["old"]],
  ["SET SESSION AUTHORIZATION granter", ["granter"]],
  ["ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA s GRANT SELECT ON TABLES  TO reader", ["reader", "maker", "reader"]],
  ["ALTER ROLE app IN DATABASE shop SET work_mem TO '1MB'", ["app"]],
  ["CREATE USER MAPPING FOR mapped SERVER s OPTIONS (a 'b')", ["mapped"]],
  ["CREATE POLICY p ON public.t AS RESTRICTIVE FOR SELECT TO a, \"b c\" USING ((x = ' TO z'::text))", ["a", "b c"]],
  ["CREATE POLICY p ON public.t USING (true)", []],
  ["GRANT pg_read_all_data TO reader", ["reader"]],
  ["GRANT SELECT ON TABLE t TO pg_monitor", []],
])("the roles in %s", (statement, roles) => {
  expect(new Set(readRoles(statement))).toEqual(new Set(roles));
});

test.each([
  ["TABLE", "CREATE TABLE public.t (\n    n numeric(12,2) DEFAULT public.f()\n)", true],
  ["CONSTRAINT", "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id)", true],
  ["INDEX", 'CREATE INDEX i ON public.t USING btree (a, "b c" DESC) INCLUDE (d) WHERE (a IS NOT NULL)', true],
  ["FK CONSTRAINT", "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_fkey FOREIGN KEY (a) REFERENCES public.u(id)", true],
  ["INDEX", "CREATE INDEX i ON public.t USING btree (lower(name))", false],
  ["INDEX", 'CREATE INDEX i ON public.t USING btree (public."looks up"(name))', false],
  ["CONSTRAINT", "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT x EXCLUDE USING gist (int4range(a, b) WITH &&)", false],
  ["TABLE ATTACH", "ALTER TABLE ONLY public.p ATTACH PARTITION public.p1 DEFAULT", false],
  ["INDEX ATTACH", "ALTER INDEX public.i ATTACH PARTITION public.i1", false],
  ["TRIGGER", "CREATE TRIGGER g AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()", false],
  ["CHECK CONSTRAINT", "ALTER TABLE public.t\n    ADD CONSTRAINT c CHECK (a > 0) NOT VALID", false],
  ["FUNCTION", "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS $$select 1$$", false],
  ["SOMETHING NEW", "CREATE SOMETHING", false],
])("whether %s may be made beside other tables' rows: %s", (type, statement, plain) => {
  expect(isPlainEntry({ type, schema: "public", name: "x" }, [statement])).toBe(plain);
});
