-- An empty database :name with the owner, the encoding, the locale and the settings of the database :model.
-- Settings of a role in that database are not taken over: that needs rights over the role.
select format('create database %I template template0 owner %I encoding %L lc_collate %L lc_ctype %L%s',
  :'name', r.rolname, pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
  case to_jsonb(d) ->> 'datlocprovider'
    when 'i' then format(' locale_provider icu icu_locale %L',
      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
    when 'b' then format(' locale_provider builtin builtin_locale %L', to_jsonb(d) ->> 'datlocale')
    else '' end)
from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = :'model' \gexec
select format(
  case when split_part(s, '=', 1) in ('search_path', 'temp_tablespaces', 'session_preload_libraries',
      'local_preload_libraries')
    then 'alter database %I set %I = %s' else 'alter database %I set %I = %L' end,
  :'name', split_part(s, '=', 1), substr(s, strpos(s, '=') + 1))
from pg_database d join pg_db_role_setting c on c.setdatabase = d.oid and c.setrole = 0,
  unnest(c.setconfig) s where d.datname = :'model' \gexec
select format('revoke all on database %I from public', :'name')
from pg_database d where d.datname = :'model' and d.datacl is not null \gexec
select format('grant %s on database %I to %s', a.privilege_type, :'name',
  case a.grantee when 0 then 'public' else a.grantee::regrole::text end)
from pg_database d, aclexplode(d.datacl) a where d.datname = :'model' and a.grantee <> d.datdba \gexec
