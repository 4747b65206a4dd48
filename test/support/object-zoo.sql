-- One of every kind of object that pg_dump knows, with data in it; for PostgreSQL 14 to 18. What only newer versions have stands in
-- object-zoo-since-<major>.sql. Run as a superuser in an empty database; roles zoo_* must exist (object-zoo-roles.sql).

set client_min_messages = warning;
create schema zoo authorization zoo_owner;
create schema "Zoo ""quoted"" schema";
create schema extensions;
comment on schema zoo is 'Every kind of object; it''s "quoted", and has
a second line';
grant usage on schema zoo to zoo_reader, zoo_writer;
revoke create on schema public from public;

-- Extensions, one of them relocated into a schema of its own
create extension pgcrypto schema extensions;
create extension hstore;
create extension citext;
create extension pg_trgm schema extensions;
create extension btree_gist schema extensions;
comment on extension hstore is 'a comment of our own';

-- Types: enum with awkward labels, composite, domain over domain, range with its multirange, base type, shell type
create type zoo.mood as enum ('sad', 'ok', 'it''s "complicated"', 'naïve', '');
create type zoo.address as (street text, "postal code" varchar(12), geo point);
create domain zoo.positive as integer default 1 constraint is_positive check (value > 0) not null;
create domain zoo.small as zoo.positive constraint is_small check (value < 1000);
create domain zoo.tags as text[] constraint no_empty check (array_position(value, '') is null);
create domain zoo.email as citext check (value ~ '^[^@]+@[^@]+$');
create type zoo.float_range as range (subtype = float8, subtype_diff = float8mi);
create type zoo.shell;
create type zoo.tiny;
create function zoo.tiny_in(cstring) returns zoo.tiny language internal immutable strict as 'int2in';
create function zoo.tiny_out(zoo.tiny) returns cstring language internal immutable strict as 'int2out';
create type zoo.tiny (input = zoo.tiny_in, output = zoo.tiny_out, internallength = 2, passedbyvalue, alignment = int2);
comment on type zoo.mood is 'how one feels';
comment on domain zoo.positive is 'above zero';
comment on constraint is_positive on domain zoo.positive is 'because';

-- Functions: SQL-standard body, overloads, variadic, defaults, out parameters, settings, procedure, aggregate, window
create function zoo.add(a integer, b integer default 1) returns integer language sql immutable parallel safe return a + b;
create function zoo.add(a text, b text) returns text language sql immutable begin atomic select a || b; end;
create function zoo.add(variadic numbers numeric[]) returns numeric language sql immutable as 'select sum(n) from unnest(numbers) n';
create function zoo.split(value text, out head text, out tail text) language plpgsql stable strict cost 7 as $body$
begin
  -- $$ and 'quotes' and a back\slash
  head := split_part(value, ' ', 1); tail := $$rest$$ || split_part(value, ' ', 2);
end $body$;
create function zoo."odd ""name"" $1"(integer) returns setof integer language sql rows 3 as 'select generate_series(1, $1)';
create function zoo.owner_only() returns text language sql security definer set search_path = zoo, pg_temp set work_mem = '8MB' as 'select current_user::text';
create procedure zoo.do_nothing(inout x integer) language plpgsql as $$ begin x := x + 1; end $$;
create aggregate zoo.product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = 1, parallel = safe);
create aggregate zoo.median_of(order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = mode_final, finalfunc_extra);
comment on function zoo.add(integer, integer) is 'adds';
comment on aggregate zoo.product(numeric) is 'multiplies';
revoke execute on function zoo.owner_only() from public;
grant execute on function zoo.owner_only() to zoo_reader with grant option;

-- Operators, operator class and family, cast, conversion, text search
create function zoo.same_parity(integer, integer) returns boolean language sql immutable return $1 % 2 = $2 % 2;
create operator zoo.=%= (leftarg = integer, rightarg = integer, function = zoo.same_parity, commutator = operator(zoo.=%=));
create operator family zoo.backwards_family using btree;
create function zoo.backwards(integer, integer) returns integer language sql immutable return case when $1 > $2 then -1 when $1 < $2 then 1 else 0 end;
create operator class zoo.backwards_ops for type integer using btree family zoo.backwards_family as
  operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 zoo.backwards(integer, integer);
create function zoo.mood_number(zoo.mood) returns integer language sql immutable return case $1 when 'sad' then 0 else 1 end;
create cast (zoo.mood as integer) with function zoo.mood_number(zoo.mood) as assignment;
create default conversion zoo.latin_to_utf8 for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create text search dictionary zoo.plain (template = simple, stopwords = english);
create text search configuration zoo.plain_english (copy = english);
alter text search configuration zoo.plain_english alter mapping for asciiword with zoo.plain;
comment on operator zoo.=%= (integer, integer) is 'same parity';
comment on text search configuration zoo.plain_english is 'plain';

-- Sequences: descending, cycling, never used, used, far along, owned
create sequence zoo.countdown increment -3 minvalue -100 maxvalue 100 start 50 cycle cache 5;
create sequence zoo.never_used start 42;
create sequence zoo.far as bigint start 9007199254740993;
select nextval('zoo.countdown'), nextval('zoo.countdown'), nextval('zoo.far');
select setval('zoo.far', 9223372036854775000, false);
comment on sequence zoo.countdown is 'ten, nine, eight';
grant usage on sequence zoo.countdown to zoo_writer;

-- Tables: identity and generated columns, dropped columns, defaults, storage, compression, statistics
create table zoo.people (
  id bigint generated always as identity (start 1000 increment 7) primary key,
  dropped_one text,
  name text not null collate "C" default 'it''s me',
  email zoo.email unique,
  mood zoo.mood default 'ok',
  home zoo.address,
  tags zoo.tags,
  attributes hstore,
  score zoo.small default 5,
  name_length integer generated always as (length(name)) stored,
  legacy_id serial,
  other_id integer generated by default as identity,
  notes text,
  packed text compression lz4,
  dropped_two integer,
  "select" integer,
  "Mixed Case ""quoted""" text,
  created_at timestamptz not null default now(),
  constraint "named check" check (length(name) < 200) no inherit
) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
alter table zoo.people owner to zoo_owner;
alter table zoo.people drop column dropped_one, drop column dropped_two;
alter table zoo.people alter column notes set storage external;
alter table zoo.people alter column name set statistics 500, alter column name set (n_distinct = -0.5);
alter table zoo.people replica identity full;
insert into zoo.people (name, email, mood, home, tags, attributes, notes, packed, "select", "Mixed Case ""quoted""", created_at)
  select 'person ' || n, 'Person' || n || '@Example.org', (array['sad', 'ok', 'naïve', ''])[n % 4 + 1]::zoo.mood,
    row('Street "' || n || '", left', n::text, point(n, -n))::zoo.address,
    case when n % 3 = 0 then null else array['a,b', 'c"d', '{e}', null] end::zoo.tags,
    hstore('key ' || n, null) || hstore('quote"d', E'back\\slash'), repeat('long ', n), repeat('packed ', n), n,
    case n % 5 when 0 then null when 1 then '' when 2 then E'\\N' when 3 then E'tab\tnewline\ncr\r\\.' else 'plain' end,
    '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 hour'
  from generate_series(1, 500) n;
select setval('zoo.people_legacy_id_seq', 10000);
comment on table zoo.people is 'people; like you & me';
comment on column zoo.people."Mixed Case ""quoted""" is 'a column with a "name"';
comment on constraint "named check" on zoo.people is 'short names only';
grant select (id, name) on zoo.people to zoo_reader;
grant insert, update on zoo.people to zoo_writer with grant option;

-- A value of every built-in type, extremes included
create table zoo.every_type (
  id integer primary key, t_bool boolean, t_bytea bytea, t_char "char", t_name name, t_int2 smallint, t_int4 integer, t_int8 bigint, t_oid oid,
  t_json json, t_jsonb jsonb, t_xml xml, t_point point, t_lseg lseg, t_path path, t_box box, t_polygon polygon, t_line line, t_circle circle,
  t_float4 real, t_float8 double precision, t_money money, t_mac macaddr, t_mac8 macaddr8, t_inet inet, t_cidr cidr, t_bpchar char(10),
  t_varchar varchar(20), t_date date, t_time time, t_timetz timetz, t_ts timestamp(3), t_tstz timestamptz, t_interval interval,
  t_bit bit(5), t_varbit bit varying, t_numeric numeric, t_numeric_fixed numeric(20, 5), t_uuid uuid, t_tsvector tsvector, t_tsquery tsquery,
  t_int4range int4range, t_tstzrange tstzrange, t_nummultirange nummultirange, t_regclass regclass, t_lsn pg_lsn, t_snapshot pg_snapshot,
  t_int_array integer[], t_text_array text[][], t_mood_array zoo.mood[], t_jsonpath jsonpath, t_tiny zoo.tiny, t_float_range zoo.float_range
);
insert into zoo.every_type values
  (1, true, '\x000102fffe5c4e', 'x', 'name', -32768, -2147483648, -9223372036854775808, 4294967295,
   '{"b": 1,  "a": [1.10, null], "b": 2}', '{"b": 1.10, "a": "\u00e9\n"}', '<a b="c">d &amp; e</a>', '(1.5,-2)', '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))',
   '((1,1),(0,0))', '((0,0),(1,1),(2,0))', '{1,2,3}', '<(0,0),5>', 'NaN', '-Infinity', '-12345.67', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
   '::1/64', '10.0.0.0/8', 'pad', 'varchar', 'infinity', '24:00', '23:59:59.999999-15:59', '0044-03-15 12:00:00.123 BC', '-infinity',
   '-178000000 years 3 days 04:05:06.789', '10101', '', 'NaN', -99999999999999.99999, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
   $$'fat':2,4A 'rat''s':3$$, $$'fat' & ('rat' | !'cat':*)$$, '[1,10)', '["2026-01-01 00:00:00+00",)', '{[1.5,2.5),(3,4]}', 'zoo.people', '16/B374D848',
   '10:20:10,14,15', '[-2:0]={1,NULL,3}', '{{"a,b","c\"d"},{"{e}",NULL}}', '{ok,"it''s \"complicated\""}', '$.a[*] ? (@.b > 1)', '7', '[0.5,1.5]'),
  (2, false, '', '', '', 32767, 2147483647, 9223372036854775807, 0, 'null', '[]', '', '(0,0)', '[(0,0),(0,0)]', '[(0,0),(1,1)]', '((0,0),(0,0))',
   '((0,0))', '{0,1,0}', '<(0,0),0>', '-0', '4.9e-324', '92233720368547758.07', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff', '255.255.255.255', '::/0', '', '',
   '4713-01-01 BC', '00:00', '00:00+15:59', '294276-12-31 23:59:59.999', '294276-12-31 23:59:59.999999+00', '1 mon -1 day', '00000', '1', 'Infinity', 0, '00000000-0000-0000-0000-000000000000',
   '', '', 'empty', 'empty', '{}', null, '0/0', '1:1:', '{}', '{}', '{}', '$', '-1', 'empty'),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);

-- Shapes of tables: no columns, only dropped columns, unlogged, of a type, one without rows
create table zoo.no_columns ();
insert into zoo.no_columns default values;
insert into zoo.no_columns default values;
create table zoo.emptied (a integer);
alter table zoo.emptied drop column a;
create unlogged table zoo.unlogged (a integer, b text);
insert into zoo.unlogged select n, 'b' || n from generate_series(1, 50) n;
create table zoo.typed of zoo.address (street not null);
insert into zoo.typed values ('Elm', '1', '(1,1)');
create table zoo.no_rows (id integer primary key, what text);

-- Inheritance: columns merged from two parents, in another order, with local ones and a changed default
create table zoo.vehicle (id integer, wheels integer default 4, name text, constraint has_wheels check (wheels >= 0));
create table zoo.powered (name text, horsepower integer, fuel text default 'diesel');
create table zoo.car (doors integer, name text default 'car') inherits (zoo.vehicle, zoo.powered);
create table zoo.late_child (fuel text, extra text, name text, wheels integer, id integer);
alter table zoo.late_child add constraint has_wheels check (wheels >= 0);
alter table zoo.late_child inherit zoo.vehicle;
alter table zoo.vehicle add column added_later date default '2026-02-03';
alter table only zoo.car alter column wheels set default 3;
insert into zoo.vehicle (id, wheels, name) values (1, 2, 'bicycle');
insert into zoo.car (id, name, horsepower, doors) select n, 'car ' || n, n * 10, n % 5 from generate_series(2, 40) n;
insert into zoo.late_child (fuel, extra, name, wheels, id) values ('steam', 'whistle', 'train', 24, 99);

-- Partitions: by range, list and hash, two levels, a default, one attached with other column order and a dropped column
create table zoo.measurements (taken_at timestamptz not null, sensor integer not null, value numeric, note text) partition by range (taken_at);
create table zoo.measurements_2026_01 partition of zoo.measurements for values from ('2026-01-01Z') to ('2026-02-01Z');
create table zoo.measurements_2026_02 partition of zoo.measurements for values from ('2026-02-01Z') to ('2026-03-01Z') partition by list (sensor);
create table zoo.measurements_2026_02_odd partition of zoo.measurements_2026_02 for values in (1, 3, 5);
create table zoo.measurements_2026_02_rest partition of zoo.measurements_2026_02 default;
create table zoo.measurements_attached (note text, gone integer, value numeric, sensor integer not null, taken_at timestamptz not null);
alter table zoo.measurements_attached drop column gone;
alter table zoo.measurements attach partition zoo.measurements_attached for values from ('2026-03-01Z') to ('2026-04-01Z');
create table zoo.measurements_default partition of zoo.measurements default;
create index measurements_by_sensor on zoo.measurements (sensor, taken_at desc nulls last) include (value);
insert into zoo.measurements select '2026-01-01Z'::timestamptz + n * interval '3 hours', n % 7, n / 3.0, nullif('note ' || n % 4, 'note 0') from generate_series(0, 899) n;
create table zoo.hashed (k text primary key, v integer) partition by hash (k);
create table zoo.hashed_0 partition of zoo.hashed for values with (modulus 2, remainder 0);
create table zoo.hashed_1 partition of zoo.hashed for values with (modulus 2, remainder 1);
insert into zoo.hashed select md5(n::text), n from generate_series(1, 200) n;
comment on table zoo.measurements_2026_01 is 'January';

-- Constraints: exclusion, deferrable, circular and self references, not valid with a row that violates it
create table zoo.rooms (id integer primary key, during tstzrange, exclude using gist (id with =, during with &&) deferrable initially deferred);
create table zoo.chicken (id integer primary key, egg_id integer);
create table zoo.egg (id integer primary key, chicken_id integer references zoo.chicken on delete cascade deferrable initially deferred);
alter table zoo.chicken add constraint chicken_egg foreign key (egg_id) references zoo.egg on update set null deferrable;
create table zoo.tree (id integer primary key, parent_id integer references zoo.tree, unique (parent_id, id));
insert into zoo.chicken values (1, null), (2, null);
insert into zoo.egg values (1, 1), (2, 2);
update zoo.chicken set egg_id = id;
insert into zoo.tree select n, nullif(n / 2, 0) from generate_series(1, 60) n;
insert into zoo.rooms values (1, '[2026-01-01Z,2026-01-02Z)');
create table zoo.violated (a integer);
insert into zoo.violated values (-1), (null);
alter table zoo.violated add constraint a_positive check (a > 0) not valid;

-- Indexes of every method; extended statistics
create index people_name_lower on zoo.people (lower(name) text_pattern_ops) where mood <> 'sad';
create index people_trgm on zoo.people using gin (name extensions.gin_trgm_ops);
create index people_attributes on zoo.people using gist (attributes gist_hstore_ops (siglen = 32));
create index people_brin on zoo.people using brin (created_at) with (pages_per_range = 8);
create index people_hash on zoo.people using hash (name);
create index every_type_spgist on zoo.every_type using spgist (t_point);
create unique index people_expression on zoo.people ((id % 1000000), (lower(name)));
create index tree_backwards on zoo.tree (id zoo.backwards_ops);
alter index zoo.people_expression alter column 1 set statistics 300;
alter table zoo.tree cluster on tree_pkey;
create statistics zoo.people_stats (dependencies, ndistinct, mcv) on mood, score from zoo.people;
create statistics zoo.people_expr_stats on (lower(name)), mood from zoo.people;
comment on index zoo.people_hash is 'hash';
comment on statistics zoo.people_stats is 'related';

-- Views: plain, updatable with check option, recursive, with a rule, with an INSTEAD OF trigger; materialized ones on top of each other
create view zoo.happy_people with (security_barrier) as select id, name, mood from zoo.people where mood = 'ok' with cascaded check option;
create recursive view zoo.paths (id, path) as select id, array[id] from zoo.tree where parent_id is null union all select t.id, p.path || t.id from zoo.tree t join paths p on p.id = t.parent_id;
create view zoo.ruled as select a, b from zoo.unlogged;
create rule ruled_insert as on insert to zoo.ruled do instead insert into zoo.unlogged values (new.a, new.b) returning a, b;
create rule "note it" as on delete to zoo.no_rows do also notify "zoo deletes";
create materialized view zoo.moods as select mood, count(*) as people from zoo.people group by mood;
create unique index moods_mood on zoo.moods (mood);
create materialized view zoo.mood_total as select sum(people) as total from zoo.moods with data;
create materialized view zoo.not_populated as select * from zoo.mood_total with no data;
comment on view zoo.happy_people is 'they are "ok"';
comment on materialized view zoo.moods is 'how they feel';
grant select on zoo.happy_people to zoo_reader;

-- Triggers: plain, of a column, with transition tables, constraint trigger, disabled, INSTEAD OF
create table zoo.audit (at timestamptz default now(), what text);
create function zoo.log_change() returns trigger language plpgsql as $$ begin insert into zoo.audit (what) values (tg_op || ' ' || tg_table_name || ' ' || coalesce(tg_argv[0], '')); return null; end $$;
create function zoo.refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
create trigger people_changed after insert or update of name or delete on zoo.people for each statement execute function zoo.log_change('it''s "argued"');
create trigger people_transition after update on zoo.people referencing old table as before new table as after for each statement execute function zoo.log_change();
create constraint trigger tree_checked after insert on zoo.tree deferrable initially deferred for each row when (new.id > 1000) execute function zoo.refuse();
create trigger never before insert on zoo.people for each row execute function zoo.refuse();
alter table zoo.people disable trigger never;
create trigger happy_insert instead of insert on zoo.happy_people for each row execute function zoo.log_change();
create trigger measured after insert on zoo.measurements for each row execute function zoo.log_change();
comment on trigger people_changed on zoo.people is 'watches';

-- Row-level security, forced, permissive and restrictive
create table zoo.secrets (id integer primary key, owner name not null, secret text);
insert into zoo.secrets select n, case n % 2 when 0 then 'zoo_reader' else 'zoo_writer' end, 'secret ' || n from generate_series(1, 100) n;
alter table zoo.secrets enable row level security;
alter table zoo.secrets force row level security;
create policy own_rows on zoo.secrets to zoo_reader, zoo_writer using (owner = current_user) with check (owner = current_user);
create policy "not too many" on zoo.secrets as restrictive for select using (id < 50);
comment on policy own_rows on zoo.secrets is 'own rows only';
grant select on zoo.secrets to zoo_reader;

-- Event triggers: for a command that no restore runs, one of them disabled
create function zoo.on_ddl() returns event_trigger language plpgsql as $$ begin raise notice 'ddl: %', tg_tag; end $$;
create event trigger zoo_ddl on ddl_command_end when tag in ('DROP TABLE', 'CREATE SERVER') execute function zoo.on_ddl();
create event trigger zoo_disabled on sql_drop execute function zoo.on_ddl();
alter event trigger zoo_disabled disable;
comment on event trigger zoo_ddl is 'watches DDL';

-- Replication, foreign data
create publication zoo_some for table zoo.people, only zoo.vehicle with (publish = 'insert, update');
create publication zoo_all for all tables with (publish_via_partition_root = true);
create subscription zoo_subscription connection 'host=127.0.0.1 port=1 dbname=nowhere' publication elsewhere with (connect = false, slot_name = none);
create foreign data wrapper zoo_wrapper options (debug 'true');
create server zoo_elsewhere type 'oracle' version '9' foreign data wrapper zoo_wrapper options (host '127.0.0.1', dbname 'else"where', port '1');
create user mapping for zoo_reader server zoo_elsewhere options (user 'remote', password 'not a real password');
create foreign table zoo.remote (id integer options (column_name 'ID') not null, what text) server zoo_elsewhere options (schema_name 'public', table_name 'remote');
comment on foreign table zoo.remote is 'far away';
comment on server zoo_elsewhere is 'elsewhere';

-- Large objects: text, every byte value, 3 MB, empty; with owner, grants and comment
select lo_from_bytea(910001, 'a large object');
select lo_from_bytea(910002, decode((select string_agg(lpad(to_hex(n), 2, '0'), '' order by n) from generate_series(0, 255) n), 'hex'));
select lo_from_bytea(910003, decode(string_agg(md5(n::text), '' order by n), 'hex')) from generate_series(1, 196608) n;
select lo_create(910004);
comment on large object 910001 is 'it''s large';
alter large object 910001 owner to zoo_owner;
grant select on large object 910001 to zoo_reader;

-- Default privileges; rights taken from the owner
alter default privileges for role zoo_owner in schema zoo grant select on tables to zoo_reader;
alter default privileges for role zoo_owner revoke execute on functions from public;
revoke all on zoo.audit from current_user;
create table "Zoo ""quoted"" schema"."Table with 'all' ""quotes"" and \ and	tab" ("column ""one""" integer primary key, "emoji 🦓" text default '🦓');
insert into "Zoo ""quoted"" schema"."Table with 'all' ""quotes"" and \ and	tab" select n, repeat('🦓', n % 4) from generate_series(1, 20) n;
comment on column "Zoo ""quoted"" schema"."Table with 'all' ""quotes"" and \ and	tab"."emoji 🦓" is 'stripes 🦓';
