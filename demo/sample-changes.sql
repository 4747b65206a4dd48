-- A day's work on the sample: new tasks and comments, some finished, one project's data gone, a column added.
insert into app.tasks (project_id, assignee_id, title, status, created_at)
  select 1 + n % 300, 1 + n % 2000, 'follow up on invoice ' || nextval('app.invoice_number'), 'open', '2026-11-20Z'::timestamptz + n * interval '1 minute'
  from generate_series(1, 1500) n;
update app.tasks set status = 'done' where id % 40 = 0;
insert into app.comments (task_id, author_id, body, created_at)
  select id, 1 + id % 2000, 'closed, thank you', '2026-11-20Z' from app.tasks where id % 40 = 0;
delete from app.task_tags where task_id in (select id from app.tasks where project_id = 7);
alter table app.projects add column budget numeric(12, 2);
update app.projects set budget = id * 1000.50 where not archived;
refresh materialized view reporting.workload;
