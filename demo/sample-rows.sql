-- Rows for sample-schema.sql: the same on every run, made of md5 hashes of counters. About 400,000 rows.
create function pg_temp.pick(words text[], seed text) returns text language sql immutable as
  $$ select words[1 + abs(hashtext(seed)::bigint) % cardinality(words)] $$;
create function pg_temp.phrase(seed bigint, length integer) returns text language sql immutable as $$
  select string_agg((array['review', 'the', 'release', 'draft', 'customer', 'invoice', 'before', 'Friday', 'backup', 'restore', 'plan', 'and', 'check',
    'with', 'Anna', 'deploy', 'new', 'billing', 'page', 'fix', 'slow', 'query', 'write', 'tests', 'for', 'it''s', 'naïve', 'über', '東京', 'done ✓'])
    [1 + abs(hashint8(seed * 31 + n)::bigint) % 30], ' ') from generate_series(1, length) n $$;

insert into app.users (email, name, settings, created_at)
  select 'user' || n || '@example.org', pg_temp.phrase(n, 2), jsonb_build_object('theme', case n % 3 when 0 then 'dark' else 'light' end, 'beta', n % 10 = 0),
    '2026-01-01Z'::timestamptz + n * interval '11 minutes'
  from generate_series(1, 2000) n;
insert into app.projects (owner_id, name, archived, created_at)
  select 1 + n % 2000, 'Project ' || n || ': ' || pg_temp.phrase(n, 3), n % 9 = 0, '2026-01-02Z'::timestamptz + n * interval '1 hour'
  from generate_series(1, 300) n;
insert into app.tasks (project_id, assignee_id, title, details, status, due, created_at)
  select 1 + n % 300, nullif(n % 2001, 0), pg_temp.phrase(n, 5), case when n % 3 > 0 then pg_temp.phrase(n + 7, 24) end,
    (enum_range(null::app.task_status))[1 + abs(hashint4(n)::bigint) % 4], case when n % 4 = 0 then '2026-06-01'::date + n % 200 end,
    '2026-01-03Z'::timestamptz + n * interval '4 minutes'
  from generate_series(1, 60000) n;
insert into app.comments (task_id, author_id, body, created_at)
  select 1 + (n * 7919) % 60000, 1 + n % 2000, pg_temp.phrase(n + 13, 12), '2026-02-01Z'::timestamptz + n * interval '2 minutes'
  from generate_series(1, 80000) n;
insert into app.tags (name, colour) select 'tag ' || n, '#' || left(md5(n::text), 6) from generate_series(1, 40) n;
insert into app.task_tags select n, 1 + (n * k) % 40 from generate_series(1, 60000, 2) n, generate_series(1, 2) k on conflict do nothing;
insert into app.attachments
  select md5('attachment ' || n)::uuid, n * 100, 'scan ' || n || '.pdf', lo_from_bytea(0, decode(repeat(md5(n::text), 4000), 'hex')) from generate_series(1, 40) n;
insert into app.sessions select md5('session ' || n), 1 + n % 2000, '2026-12-31Z' from generate_series(1, 5000) n;
insert into app.audit_log (at, who, what)
  select '2026-03-01Z'::timestamptz + n * interval '1 minute', 'user' || n % 2000, jsonb_build_object('action', 'login', 'ip', '192.0.2.' || n % 255) from generate_series(1, 40000) n;
insert into app.events
  select '2026-01-01Z'::timestamptz + n * interval '150 seconds', pg_temp.pick(array['created', 'moved', 'commented', 'closed'], n::text), 1 + n % 60000, jsonb_build_object('n', n, 'id', md5(n::text))
  from generate_series(0, 199999) n;
select setval('app.invoice_number', 20260417);

create trigger tasks_touched after insert or update on app.tasks for each row execute function app.touch();
create materialized view reporting.workload as
  select assignee_id, status, count(*) as tasks from app.tasks group by assignee_id, status;
create view reporting.overdue as select id, title, due from app.tasks where due < '2026-11-01' and status <> 'done';
analyze;
