/** What the trials of a live database compare: each a query with one row. */

/** All that a careless restore would change of the live table, in one line. */
export const stateOf = `select md5(string_agg(u::text, ',' order by id)), count(*), (select relfilenode from pg_class where oid = 'users'::regclass),
  (select string_agg(relname, ' ' order by relname) from pg_class where relname ~ '^users' and relname !~ 'restored'),
  (select string_agg(tgname || tgenabled::text, ' ' order by tgname) from pg_trigger where tgrelid = 'users'::regclass),
  (select last_value from users_id_seq) from users u`;

/** All that a table is, without its names. */
export const definitionOf = (name: string): string => `select
  (select string_agg(d, E'\\n' order by d) from (select replace(regexp_replace(pg_get_indexdef(indexrelid), ' INDEX .* ON ', ' INDEX ON '), '${name}', 'T') as d from pg_index where indrelid = '${name}'::regclass) i),
  (select string_agg(replace(pg_get_constraintdef(oid), '${name}', 'T'), E'\\n' order by replace(pg_get_constraintdef(oid), '${name}', 'T')) from pg_constraint where conrelid = '${name}'::regclass and conname !~ 'org_fkey'),
  (select string_agg(attname || format_type(atttypid, atttypmod) || attnotnull || attidentity::text || attgenerated::text || coalesce(col_description(attrelid, attnum), '') || coalesce(attacl::text, ''), E'\\n' order by attnum) from pg_attribute where attrelid = '${name}'::regclass and attnum > 0),
  (select string_agg(polname || polcmd::text || pg_get_expr(polqual, polrelid), '') from pg_policy where polrelid = '${name}'::regclass),
  (select relowner::regrole || relrowsecurity::text || obj_description(oid) from pg_class where oid = '${name}'::regclass),
  (select last_value from ${name}_id_seq), (select last_value from ${name}_number_seq), (select count(*) from pg_statistic_ext where stxrelid = '${name}'::regclass),
  has_table_privilege('seller', '${name}', 'select'), has_column_privilege('seller', '${name}', 'mail', 'update')`;
