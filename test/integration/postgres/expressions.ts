/**
 * Expressions wherever PostgreSQL keeps them: each is printed by a dump, read by a restore, and
 * must be printed the same again.
 */
export const expressions = `
create type e as enum ('a','b');
create domain dv as varchar(20) check (value in ('x','y'));
create domain dt as text check (value ~ '^a' and value not in ('q','r'));
create table t (v varchar(10), v2 varchar, c char(3), tx text, n name, i int, s smallint, bi bigint, nu numeric(8,2), f float4, d date, ts timestamp, tz timestamptz, iv interval, b bool, j jsonb, ee e, arr varchar[], ta text[], bt bytea, u uuid, inet inet, dvv dv,
 check (v in ('a','b')),
  check (v not in ('a','b')),
  check (v = any('{a,b}'::varchar[])),
  check (v = any(array['a','b']::varchar[])),
  check (v in ('a')),
  check (v like any (array['a%','b%'])),
  check (v ilike 'x%'),
  check (v similar to 'x%'),
  check (v || 'x' in ('a','b')),
  check (lower(v) in ('a','b')),
  check (coalesce(v,'x') in ('a','b')),
  check (v2 in ('a','b') or v in ('c','d')),
 check (c in ('a','b')),
  check (c = 'a'),
  check (tx in ('a','b')),
  check (n in ('a','b')),
  check (i in (1,2,-3)),
  check (s in (1,2)),
  check (bi in (1,2)),
  check (nu in (1,2.5)),
  check (f in (1,2.5)),
  check (nu > 0 and nu < 100.5),
  check (i between symmetric 5 and 1),
  check (d > '2020-01-01'),
  check (ts in ('2020-01-01','2021-01-01')),
  check (tz > '2020-01-01Z'),
  check (iv < '1 day'),
  check (b),
  check (not b is true),
  check (b is distinct from true),
  check (j ? 'a'),
  check (j @> '{"a":1}'),
  check (ee in ('a','b')),
  check (arr <@ array['a','b']::varchar[]),
  check (ta <@ array['a','b']),
  check (u in ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')),
  check (inet << '10.0.0.0/8'),
  check ((v, v2) in (('a','b'),('c','d'))),
  check (row(i, s) < row(1,2)),
  check (case v when 'a' then 1 else 2 end > 0),
  check (case when v in ('a','b') then i > 0 else true end),
  check (nullif(v,'a') is null),
  check (greatest(v,v2) = 'a'),
  check (extract(year from d) > 2000),
  check (substring(v from 1 for 2) = 'a'),
  check (position('a' in v) > 0),
  check (trim(both 'x' from v) <> ''),
  check (overlay(v placing 'x' from 1) <> ''),
  check (d at time zone 'UTC' > '2020-01-01'),
  check (length(v) > 0 and (v ~ 'a' or v !~ 'b')),
  check (dvv in ('x','y')),
  check (dvv::text in ('x')),
  check (v::text in ('a','b')),
  check (v::varchar(5) in ('a','b')),
  check (i = any (array[1,2]::int[])),
  check (nu::int in (1,2)),
  check (v in ('it''s','b\\c')),
  check (v > all (array['a','b'])));
create index on t (v) where v in ('a','b');
create index on t (lower(v)) where v not in ('a','b') and d > '2020-01-01';
create index on t ((v in ('a','b')));
create view w as select *, v in ('a','b') as x, case when v in ('a','b') then 'y' else v end as y, v2 || tx as z, d + 1 as q, count(*) over (partition by v order by i rows between 1 preceding and current row) from t where v in ('a','b') and (c in ('x','y') or i in (1,2));
create view w2 as select v as a, 1 as b from t union select v2, 2 from t where v2 in ('a','b') order by 1;
create view w3 as with recursive r(a) as (select 1 union all select a+1 from r where a < 5) select r.a, v from r join t on r.a = t.i left join t t2 using (v) where exists (select 1 from t t3 where t3.v in ('a','b'));
create view w4 as select * from (values ('a'::varchar,1),('b',2)) x(a,b) where a in ('a','b');
create view w5 as select v from t group by grouping sets ((v),()) having v in ('a','b');
create view w6 as select t.*::t as r from t;
create view w7 as select array['a','b']::varchar[] as a, array[v,v2] b, '{a}'::varchar[] c from t;
create materialized view mv as select v from t where v in ('a','b');
create policy p on t using (v in ('a','b'));
create rule rr as on update to w do instead update t set v = new.v where v in ('a','b');
create function fn(a varchar default 'x', b varchar[] default array['a','b']::varchar[]) returns int language sql begin atomic select 1 where a in ('x','y'); end;
create table g (v varchar, x boolean generated always as (v in ('a','b')) stored, y varchar default case when 'a' in ('a','b') then 'c' end);
create trigger tg before update on t for each row when (new.v in ('a','b')) execute function suppress_redundant_updates_trigger();
create table pl (v varchar) partition by list (v);
create table pl1 partition of pl for values in ('a','b');
create statistics st on (v in ('a','b')), i from t;
create table ex (v varchar, i int, exclude using btree (i with =) where (v in ('a','b')));
`;
