-- What PostgreSQL 15 and later add to object-zoo.sql.
create table zoo.nulls_alike (a integer, b text, unique nulls not distinct (a, b));
insert into zoo.nulls_alike values (null, 'x'), (1, null);
create view zoo.as_invoker with (security_invoker) as select * from zoo.secrets;
create publication zoo_filtered for table zoo.people (id, name) where (id > 2000);
create publication zoo_schema for tables in schema zoo;
create table zoo.partly_nulled (a integer, b integer, tree_id integer, tree_parent integer,
  foreign key (tree_parent, tree_id) references zoo.tree (parent_id, id) on delete set null (tree_parent));
grant set on parameter work_mem to zoo_reader;
