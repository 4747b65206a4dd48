-- What PostgreSQL 17 and later add to object-zoo.sql.
create table zoo.partitioned_identity (id integer generated always as identity, region text) partition by list (region);
create table zoo.partitioned_identity_eu partition of zoo.partitioned_identity for values in ('eu');
create table zoo.partitioned_identity_rest partition of zoo.partitioned_identity default;
insert into zoo.partitioned_identity (region) select case n % 2 when 0 then 'eu' else 'us' end from generate_series(1, 30) n;
create table zoo.regenerated (a integer, b integer generated always as (a * 2) stored);
insert into zoo.regenerated (a) select generate_series(1, 30);
alter table zoo.regenerated alter column b set expression as (a * 3);
create collation zoo.builtin (provider = builtin, locale = 'C.UTF-8');
create table zoo.sorted_builtin (word text collate zoo.builtin primary key);
insert into zoo.sorted_builtin values ('Zebra'), ('ähnlich'), ('apple');
grant maintain on zoo.no_rows to zoo_writer;
