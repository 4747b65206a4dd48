import { expect, test } from "vitest";
import { readRoles } from "../../../src/engines/postgres/archive-outline.ts";

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
