-- A small TaskMaster database, for trying the policy beside this file without a TaskMaster. Load it into an empty database:
--   psql --dbname "$TASKMASTER_DATABASE_URL" --file sample.sql
-- It has what the policy speaks of: users, their tasks, the sessions and the cache whose rows are not worth keeping. The rows
-- are the same every time.
\set ON_ERROR_STOP on
begin;

create table users (
  id           bigint generated always as identity primary key,
  email        text not null unique,
  display_name text not null,
  created_at   timestamptz not null
);

create type task_state as enum ('open', 'in progress', 'done');

create table tasks (
  id         bigint generated always as identity primary key,
  user_id    bigint not null references users (id) on delete cascade,
  title      text not null check (title <> ''),
  state      task_state not null default 'open',
  labels     text[] not null default '{}',
  due_on     date,
  created_at timestamptz not null
);

create index tasks_by_user on tasks (user_id, state);

comment on table tasks is 'What users promised to do';

-- The policy keeps these tables and leaves their rows out: public.sessions, public.*_sessions, public.cache_*.
create table sessions (
  token      uuid primary key,
  user_id    bigint not null references users (id) on delete cascade,
  expires_at timestamptz not null
);

create table admin_sessions (
  token      uuid primary key,
  user_id    bigint not null references users (id) on delete cascade,
  expires_at timestamptz not null
);

create table cache_task_counts (
  user_id    bigint primary key references users (id) on delete cascade,
  open_tasks bigint not null
);

insert into users (email, display_name, created_at)
select 'user' || n || '@taskmaster.example', 'User ' || n, timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour'
from generate_series(1, 200) n;

insert into tasks (user_id, title, state, labels, due_on, created_at)
select 1 + n % 200,
       'Task ' || n || case n % 7 when 0 then ' – with “quotes”, a' || chr(10) || 'line break and 🗂' else '' end,
       (array ['open', 'in progress', 'done']::task_state[])[1 + n % 3],
       case n % 5 when 0 then array ['home', 'urgent'] when 1 then array ['work'] else '{}' end,
       case when n % 4 = 0 then date '2026-06-01' + n % 365 end,
       timestamptz '2026-02-01 00:00:00+00' + n * interval '7 minutes'
from generate_series(1, 5000) n;

insert into sessions (token, user_id, expires_at)
select md5('session ' || n)::uuid, 1 + n % 200, timestamptz '2026-12-01 00:00:00+00' + n * interval '1 minute'
from generate_series(1, 400) n;

insert into admin_sessions (token, user_id, expires_at)
select md5('admin session ' || n)::uuid, n, timestamptz '2026-12-01 00:00:00+00'
from generate_series(1, 3) n;

insert into cache_task_counts (user_id, open_tasks)
select user_id, count(*) filter (where state <> 'done') from tasks group by user_id;

commit;
