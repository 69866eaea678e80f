-- Puts the database :new in the place of :name, which stays as :old. Nobody can connect meanwhile, sessions
-- that were open are ended, and both names change in one transaction.
alter database :"name" with allow_connections false;
select json_build_array('ended', count(pg_terminate_backend(a.pid))) from pg_stat_activity a
where a.datname = :'name' and a.pid <> pg_backend_pid();
begin;
alter database :"name" rename to :"old";
alter database :"new" rename to :"name";
commit;
alter database :"old" with allow_connections true;
