-- A table with everything that is renamed, left out or put back by a restore into a live database.
-- The roles owner and seller are there.
create type mood as enum ('sad', 'ok', 'happy');
create function tell() returns trigger language plpgsql as 'begin insert into told values (new.id); return new; end';
create function level(mood) returns int language sql immutable as $$ select case $1 when 'sad' then 0 when 'ok' then 1 else 2 end $$;
create table told (id int);
create table orgs (id int primary key, name text);
insert into orgs values (1, 'one'), (2, 'two');
create table users (
  id int generated always as identity primary key,
  number serial,
  org int references orgs,
  boss int references users,
  mail text not null,
  mood mood default 'ok',
  rank int generated always as (level(mood)) stored,
  "odd ""name" text,
  born date,
  created timestamptz not null default now(),
  constraint users_mail_check check (mail like '%@%'),
  constraint by_mail unique (mail),
  exclude using btree (number with =)
);
create index users_lower_mail on users (lower(mail)) where mood <> 'sad';
create index "sp ""aces" on users (born desc nulls last, level(mood));
create statistics users_stats (dependencies) on org, mood from users;
create table visits (id int primary key, usr int references users on delete cascade);
create trigger tell_users after insert on users for each row execute function tell();
create rule keep_boss as on delete to users where old.id = 0 do instead nothing;
alter table users enable row level security;
create policy own on users for select to seller using (org = 1 and mood <> 'sad');
comment on table users is 'people '' "';
comment on column users.mail is 'how to reach them';
comment on index users_lower_mail is 'for logins';
comment on constraint by_mail on users is 'one each';
grant select on users to seller;
grant update (mail) on users to seller;
alter table users owner to owner;
insert into users (org, boss, mail, mood, "odd ""name", created, born)
  select 1 + n % 2, case when n > 1 then 1 end, 'user' || n || '@example.com', (array['sad', 'ok', 'happy'])[1 + n % 3]::mood, E'tab\t' || n, '2026-01-02 03:04:05+00', date '2000-01-01' + n
  from generate_series(1, 100) n;
insert into visits select n, n from generate_series(1, 10) n;
delete from told;
alter default privileges grant insert on tables to seller;

create table events (id bigint, at date, what text, primary key (id, at)) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table "odd.part" partition of events for values from ('2025-01-01') to ('2026-01-01');
create index events_what on events (what);
insert into events select n, date '2024-01-01' + n * 7, 'e' || n from generate_series(1, 100) n;

create schema "Sch.ema";
create table "Sch.ema"."a very long name of a table, that takes all sixty-three bytesxx" (id int primary key, "a very long name of a column ä that takes sixty-three bytes yy" text unique);
insert into "Sch.ema"."a very long name of a table, that takes all sixty-three bytesxx" values (1, 'x');
create table keyless (a int, b text);
insert into keyless values (1, 'x'), (1, 'x');
