/**
 * Rights that others than the owner granted, and what their grantors lost since: SQL for the tests
 * of loads.
 */

/** In the server: once. Names that need quotes; one that inherits nothing. */
export const grantingRoles = `
  create role "Grantor ""a""" noinherit; create role b_; create role c_; create role x_; create role own_; create role reader_;`;

/** Rights on what the whole server has, in the server: tablespaces, and parameters from 15 on. */
export const delegatedGlobals = (major: number): string => `
  set allow_in_place_tablespaces = on; create tablespace fast location '';
  grant create on tablespace fast to b_ with grant option; set role b_;
  grant create on tablespace fast to c_ with grant option;
  set role c_; grant create on tablespace fast to x_; reset role;
  ${
    major < 15
      ? ""
      : `grant set on parameter work_mem to b_ with grant option;
         set role b_; grant set on parameter work_mem to c_; reset role;`
  }`;

/**
 * In a database named `name`. Every kind of object; chains; a schema of a role that revoked its
 * own rights on it; rights whose stored order is not the order of granting; a view whose owner
 * reads by such a right; default rights.
 */
export const delegatedGrants = (name: string): string => `
  create schema "S ""q""" authorization own_; create schema types; create schema own_open authorization own_;
  grant usage on schema "S ""q""", types, own_open to "Grantor ""a""", b_, c_;
  create table public.t (a int, b int); insert into public.t values (1, 2);
  create table "S ""q""".t2 (id int primary key, b int); insert into "S ""q""".t2 values (7, 8);
  create sequence "S ""q""".s; create type types.mood as enum ('x'); create domain "S ""q""".d as int;
  create function "S ""q""".f(types.mood, int) returns int language sql as 'select 1';
  create procedure "S ""q""".p(types.mood[]) language sql as 'select 1';
  create view own_open.v as select 1 as one; alter view own_open.v owner to own_;
  alter table "S ""q""".t2 owner to own_; select lo_create(4711);
  create extension file_fdw; create server files foreign data wrapper file_fdw;

  grant select (a) on public.t to "Grantor ""a""" with grant option;
  grant all on "S ""q""".t2 to "Grantor ""a""" with grant option;
  grant select on own_open.v to "Grantor ""a""" with grant option;
  grant all on sequence "S ""q""".s to "Grantor ""a""" with grant option;
  grant usage on type types.mood, "S ""q""".d to "Grantor ""a""" with grant option;
  grant execute on function "S ""q""".f to "Grantor ""a""" with grant option;
  grant execute on procedure "S ""q""".p to "Grantor ""a""" with grant option;
  grant select on large object 4711 to "Grantor ""a""" with grant option;
  grant usage on foreign server files to "Grantor ""a""" with grant option;
  grant usage on language plpgsql to "Grantor ""a""" with grant option;
  grant usage on schema types to "Grantor ""a""" with grant option;
  grant connect on database ${name} to "Grantor ""a""" with grant option;
  set role "Grantor ""a""";
  grant select (a) on public.t to b_; grant select on own_open.v to b_;
  grant select, update on "S ""q""".t2 to b_ with grant option; grant insert (b) on "S ""q""".t2 to x_;
  grant usage on sequence "S ""q""".s to b_; grant usage on type types.mood, "S ""q""".d to b_;
  revoke execute on function "S ""q""".f from public; grant execute on function "S ""q""".f to b_ with grant option;
  grant execute on procedure "S ""q""".p to b_; grant select on large object 4711 to b_;
  grant usage on foreign server files to b_; grant usage on language plpgsql to b_; grant usage on schema types to b_;
  grant connect on database ${name} to b_;
  set role b_;
  grant select on "S ""q""".t2 to c_; grant execute on function "S ""q""".f to c_ with grant option;
  set role c_; grant execute on function "S ""q""".f to x_; reset role;

  create table "S ""q""".late (id int); alter table "S ""q""".late owner to own_;
  set role own_; grant select on "S ""q""".late to c_ with grant option;
  set role c_; grant select on "S ""q""".late to b_ with grant option;
  set role b_; grant select on "S ""q""".late to x_;
  set role own_; grant select on "S ""q""".late to b_ with grant option; revoke select on "S ""q""".late from c_ cascade; reset role;

  grant temp on database ${name} to c_ with grant option;
  set role c_; grant temp on database ${name} to b_ with grant option;
  set role b_; grant temp on database ${name} to x_; reset role;
  grant temp on database ${name} to b_ with grant option; revoke temp on database ${name} from c_ cascade;

  create materialized view reads as select id from "S ""q""".t2;
  grant select on "S ""q""".t2 to reader_; set role "Grantor ""a"""; grant select on "S ""q""".t2 to reader_; reset role;
  revoke select on "S ""q""".t2 from reader_; set role own_; revoke select on "S ""q""".t2 from reader_; reset role;
  alter materialized view reads owner to reader_;
  alter default privileges for role "Grantor ""a""" in schema "S ""q""" grant select on tables to b_ with grant option;

  revoke all on schema public from public;
  revoke all on schema "S ""q""" from own_, "Grantor ""a""", b_, c_;
  revoke all on schema own_open from own_, "Grantor ""a""", b_, c_;
  revoke usage on schema types from "Grantor ""a""", b_, c_ cascade;`;

/**
 * Every right in the database, with its grantor, in the order of names; and how many there are.
 */
export const allRights = `
  select string_agg(line, chr(10) order by line) from (
    select format('schema %s %s', nspname, a) as line from pg_namespace, unnest(coalesce(nspacl, acldefault('n', nspowner))) a where nspname !~ '^pg_'
    union all select format('relation %s %s', oid::regclass, a) from pg_class, unnest(relacl) a where relnamespace::regnamespace::text !~ '^pg_'
    union all select format('column %s.%s %s', attrelid::regclass, attname, a) from pg_attribute, unnest(attacl) a
    union all select format('routine %s %s', oid::regprocedure, a) from pg_proc, unnest(proacl) a where pronamespace::regnamespace::text !~ '^pg_'
    union all select format('type %s %s', oid::regtype, a) from pg_type, unnest(typacl) a
    union all select format('language %s %s', lanname, a) from pg_language, unnest(lanacl) a
    union all select format('server %s %s', srvname, a) from pg_foreign_server, unnest(srvacl) a
    union all select format('large object %s %s', oid, a) from pg_largeobject_metadata, unnest(lomacl) a
    union all select format('default %s %s', defaclnamespace::regnamespace, a) from pg_default_acl, unnest(defaclacl) a
    union all select format('database %s', a) from pg_database, unnest(datacl) a where datname = current_database()) rights`;
