-- The zoo's roles: of the whole server, so they stand apart from the database's objects. May be run twice.
do $$ begin
  if not exists (select from pg_roles where rolname = 'zoo_owner') then
    create role zoo_owner nologin;
    create role zoo_reader login password 'reader''s "password"' connection limit 5 valid until '2099-12-31Z';
    create role zoo_writer login nosuperuser createdb noinherit bypassrls;
    create role "Zoo ""Admin"" 🦓" createrole;
    grant zoo_reader to zoo_writer;
    grant zoo_owner to "Zoo ""Admin"" 🦓" with admin option;
    grant pg_read_all_data to zoo_reader;
    alter role zoo_reader set statement_timeout = '1h';
    alter role zoo_writer set search_path = zoo, "$user", public;
    comment on role zoo_owner is 'owns the zoo; it''s "his"';
  end if;
end $$;
