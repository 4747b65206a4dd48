-- The demo's sample: a task manager as a company might run it, with a bit of everything that PostgreSQL offers.
-- For PostgreSQL 14 and later; filled by sample-rows.sql.
create schema app;
create schema reporting;
comment on schema app is 'the task manager';

create type app.task_status as enum ('open', 'in progress', 'blocked', 'done');
create domain app.email as text check (value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$');
create sequence app.invoice_number start 20260001;

create table app.users (
  id integer generated always as identity primary key,
  email app.email not null unique,
  name text not null,
  settings jsonb not null default '{}',
  created_at timestamptz not null
);
comment on table app.users is 'people who can sign in';

create table app.projects (
  id integer generated always as identity primary key,
  owner_id integer not null references app.users,
  name text not null,
  archived boolean not null default false,
  created_at timestamptz not null
);

create table app.tasks (
  id bigint generated always as identity primary key,
  project_id integer not null references app.projects,
  assignee_id integer references app.users,
  title text not null,
  details text,
  status app.task_status not null default 'open',
  due date,
  search tsvector generated always as (to_tsvector('english', title)) stored,
  created_at timestamptz not null
);
create index tasks_by_project on app.tasks (project_id, status);
create index tasks_open on app.tasks (assignee_id) where status <> 'done';
create index tasks_search on app.tasks using gin (search);

create table app.comments (
  id bigint generated always as identity primary key,
  task_id bigint not null references app.tasks on delete cascade,
  author_id integer not null references app.users,
  body text not null,
  created_at timestamptz not null
);
create index comments_by_task on app.comments (task_id);

create table app.tags (id integer generated always as identity primary key, name text not null unique, colour text not null);
create table app.task_tags (task_id bigint references app.tasks on delete cascade, tag_id integer references app.tags, primary key (task_id, tag_id));

create table app.attachments (
  id uuid primary key,
  task_id bigint not null references app.tasks on delete cascade,
  file_name text not null,
  content oid not null
);
comment on column app.attachments.content is 'a large object';

create table app.sessions (token text primary key, user_id integer not null references app.users, expires_at timestamptz not null);
comment on table app.sessions is 'short-lived: a backup keeps the table and leaves out its rows';

create table app.audit_log (id bigint generated always as identity primary key, at timestamptz not null, who text not null, what jsonb not null);
alter table app.audit_log enable row level security;
create policy own_entries on app.audit_log for select using (who = current_user);

create table app.events (happened_at timestamptz not null, kind text not null, task_id bigint, payload jsonb not null) partition by range (happened_at);
create table app.events_2026_q1 partition of app.events for values from ('2026-01-01Z') to ('2026-04-01Z');
create table app.events_2026_q2 partition of app.events for values from ('2026-04-01Z') to ('2026-07-01Z');
create table app.events_2026_q3 partition of app.events for values from ('2026-07-01Z') to ('2026-10-01Z');
create table app.events_2026_q4 partition of app.events for values from ('2026-10-01Z') to ('2027-01-01Z');
create index events_by_task on app.events (task_id, happened_at);

create function app.touch() returns trigger language plpgsql as $$
begin
  insert into app.audit_log (at, who, what) values (new.created_at, current_user, jsonb_build_object('task', new.id, 'status', new.status));
  return new;
end $$;
