-- What PostgreSQL 18 adds to object-zoo.sql.
create table zoo.virtual (a integer, b integer generated always as (a + 1) virtual, c integer constraint c_given not null);
insert into zoo.virtual (a, c) select n, n from generate_series(1, 30) n;
create table zoo.not_enforced (a integer, tree_id integer references zoo.tree not enforced, constraint a_positive check (a > 0) not enforced);
insert into zoo.not_enforced values (-1, 123456);
create table zoo.bookings (room integer, during tstzrange, primary key (room, during without overlaps));
insert into zoo.bookings values (1, '[2026-01-01Z,2026-01-02Z)'), (1, '[2026-01-02Z,2026-01-03Z)');
create table zoo.booked (room integer, during tstzrange, foreign key (room, period during) references zoo.bookings (room, period during));
insert into zoo.booked values (1, '[2026-01-01 12:00Z,2026-01-02 12:00Z)');
create table zoo.late_not_null (a integer);
insert into zoo.late_not_null values (null);
alter table zoo.late_not_null add constraint a_given not null a not valid;
