-- The rows of every table, in one JSON array a line: names may hold any character.
select format(
  'select json_build_array(''rows'', %L, count(*)) from only %I.%I',
  n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
order by n.nspname, c.relname \gexec
