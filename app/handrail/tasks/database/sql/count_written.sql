-- For every table: its rows, and those of them that the snapshot :snapshot of the backup doesn't see. A row's
-- xmin is 32 bits of the transaction's number; its distance from the snapshot's makes it whole again.
select format($f$
  select json_build_array('rows', %1$L, count(*), count(*) filter (where x.xid >= 3 and x.ahead < 2147483648
    and not txid_visible_in_snapshot(%4$s + x.ahead, %5$L)))
  from only %2$I.%3$I t cross join lateral (
    select t.xmin::text::bigint as xid,
      (t.xmin::text::bigint - (%4$s %% 4294967296) + 4294967296) %% 4294967296 as ahead) x$f$,
  n.nspname || '.' || c.relname, n.nspname, c.relname,
  txid_snapshot_xmin(:'snapshot'), :'snapshot')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
order by n.nspname, c.relname \gexec
