-- One snapshot for the dump and for the counts that it is compared with: what is written meanwhile is in
-- neither of them. The dump's program and file come as environment.
set idle_in_transaction_session_timeout = 0;
set statement_timeout = 0;
begin isolation level repeatable read read only;
select pg_export_snapshot() as snapshot \gset
\setenv HANDRAIL_SNAPSHOT :snapshot
\set failed `"$HANDRAIL_PG_DUMP" -Fc -Z1 --lock-wait-timeout=60000 --snapshot="$HANDRAIL_SNAPSHOT" --file="$HANDRAIL_DUMP" 1>&2 && echo 0 || echo 1`
\if :failed
  do $$ begin raise exception 'pg_dump wrote no dump: what it says stands above'; end $$;
\endif
select json_build_array('snapshot', txid_current_snapshot()::text);
\ir count_rows.sql
commit;
