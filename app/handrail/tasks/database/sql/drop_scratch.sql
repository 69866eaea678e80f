-- Scratch databases that a killed attempt left behind, by the prefix that only handrail gives.
select format('drop database %I', d.datname) from pg_database d
where starts_with(d.datname, :'prefix') and pg_has_role(d.datdba, 'USAGE')
  and not exists (select from pg_stat_activity a where a.datname = d.datname) \gexec
