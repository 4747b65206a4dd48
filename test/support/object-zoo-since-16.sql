-- What PostgreSQL 16 and later add to object-zoo.sql.
create table zoo.toasty (a text storage main, b jsonb storage external);
insert into zoo.toasty select repeat('x', n * 100), jsonb_build_object('n', n) from generate_series(1, 50) n;
grant zoo_owner to zoo_writer with inherit false, set true;
