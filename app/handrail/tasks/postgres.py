"""Commands of PostgreSQL's own programs, and what their answers mean; pure.

The address of the database reaches them as environment, never as an argument: arguments stand in logs,
and in every user's process list.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.probes.libpq import connection, program
from handrail.tasks.commands import Command

if TYPE_CHECKING:
    from handrail.project.model import Database, Target

LOCK_TIMEOUT_MS = 5_000
NPM_ENVIRONMENT = {"NO_UPDATE_NOTIFIER": "1", "npm_config_update_notifier": "false"}
# The advisory locks of node-pg-migrate and of Prisma; other ones may be the application's own.
MIGRATION_LOCKS = (7241865325823964, 72707369)
# A session that migrates holds such a lock, or changes the schema right now.
MIGRATING = f"""\
select a.pid, a.state, coalesce(extract(epoch from now() - a.xact_start)::int, 0),
  left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120)
from pg_stat_activity a
where a.datname = current_database() and a.usename = current_user and a.pid <> pg_backend_pid()
  and (exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and l.granted
    and (l.classid::bigint << 32 | l.objid::bigint) in ({", ".join(map(str, MIGRATION_LOCKS))}))
    or (a.state <> 'idle' and a.query ~* '(^|;)\\s*(alter|create|drop|truncate|reindex)\\s'))
order by a.pid"""  # noqa: S608


def query(target: Target, database: Database, sql: str, dry: str = "") -> Command:
    """A query whose answer is rows of columns separated by `|`."""
    argv = (program(database, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", " ".join(sql.split()))
    return Command(argv, target.checkout, connection(database.url.reveal()), reads_only=True, dry_output=dry)


def script(
    target: Target,
    database: Database,
    file: Path,
    where: Mapping[str, str],
    dry: str = "",
    **variables: str,
) -> Command:
    """A script of psql that ships with handrail; `where` is a connection, `variables` are psql's own."""
    given = tuple(part for name, value in variables.items() for part in ("-v", f"{name}={value}"))
    argv = (program(database, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *given, "-f", str(file))
    return Command(argv, target.checkout, where, dry_output=dry)


def statement(target: Target, database: Database, where: Mapping[str, str], sql: str) -> Command:
    """One statement that changes something, on the connection `where`."""
    argv = (program(database, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql)
    return Command(argv, target.checkout, where)


def dump(target: Target, database: Database, snapshot_dump: Path, file: Path) -> Command:
    """A compressed dump in PostgreSQL's own format, and the counts of rows in its own snapshot."""
    environment = {
        **connection(database.url.reveal()),
        "HANDRAIL_PG_DUMP": program(database, "pg_dump"),
        "HANDRAIL_DUMP": str(file),
    }
    dry = '["snapshot", "1:1:"]\n["rows", "public.example", 0]'
    return script(target, database, snapshot_dump, environment, dry)


def contents(target: Target, database: Database, file: Path) -> Command:
    """The list of what a dump holds."""
    argv = (program(database, "pg_restore"), "--list", str(file))
    return Command(argv, target.checkout, reads_only=True, dry_output="1; TABLE DATA")


def read_back(target: Target, database: Database, file: Path) -> Command:
    """Read a whole dump: `pg_restore --list` would call a truncated one good."""
    return Command((program(database, "pg_restore"), "-f", "/dev/null", str(file)), target.checkout)


def restore(
    target: Target, database: Database, where: Mapping[str, str], file: Path, *, own: bool = True
) -> Command:
    """Restore a dump into the empty database of `where`; without `own`, owners and grants are left out."""
    options = () if own else ("--no-owner", "--no-acl")
    name = where["PGDATABASE"]
    argv = (program(database, "pg_restore"), "--exit-on-error", *options, f"--dbname={name}", str(file))
    return Command(argv, target.checkout, where)


def restore_line(database: Database, file: Path) -> str:
    """What a person would type to restore a dump beside the database: without a password."""
    where = connection(database.url.reveal())
    flags = [("-h", "PGHOST"), ("-p", "PGPORT"), ("-U", "PGUSER")]
    address = " ".join(f"{flag} {shlex.quote(where[name])}" for flag, name in flags if name in where)
    name = shlex.quote(f"{where.get('PGDATABASE', '')}_restored")
    create, load = program(database, "createdb"), program(database, "pg_restore")
    return (
        f"{shlex.quote(create)} {address} -T template0 {name} && "
        f"{shlex.quote(load)} {address} -d {name} --exit-on-error {shlex.quote(str(file))}"
    )


def schema(target: Target, database: Database) -> Command:
    """The schema as SQL, without the migrations table that the first way up makes."""
    table = database.migrations_table
    without = (f"--exclude-table={table}", f"--exclude-table={table}_id_seq")
    argv = (program(database, "pg_dump"), "--schema-only", "--no-comments", *without)
    return Command(argv, target.checkout, connection(database.url.reveal()), reads_only=True)


def npm_script(target: Target, database: Database, script: str, *arguments: str) -> Command:
    """A migration script of the application. A blocked ALTER gives up instead of blocking every reader."""
    environment = {
        **NPM_ENVIRONMENT,
        "PGOPTIONS": f"-c lock_timeout={LOCK_TIMEOUT_MS}",
        "DATABASE_URL": database.url.reveal(),
    }
    extra = ("--", *arguments) if arguments else ()
    return Command(("npm", "run", script, *extra), target.checkout, environment)


def rows_query(table: str) -> str:
    """The names of the applied migrations, oldest first."""
    return f"select name from {table} order by run_on, id"  # noqa: S608  (the model allows only a plain name)


def table_query(table: str) -> str:
    """Whether the migrations table exists: a fresh database has none."""
    return f"select to_regclass('{table}') is not null"


@dataclass(frozen=True, slots=True)
class Session:
    """Another session of the same role that migrates."""

    pid: int
    state: str
    seconds: int
    query: str

    def __str__(self) -> str:
        return f"pid {self.pid}, {self.state}, for {self.seconds} s: {self.query}"


def sessions(text: str) -> tuple[Session, ...]:
    """The sessions in the answer to `MIGRATING`."""
    found = []
    for line in text.splitlines():
        pid, _, rest = line.partition("|")
        state, _, rest = rest.partition("|")
        seconds, _, sql = rest.partition("|")
        if pid.isdigit():
            found.append(Session(int(pid), state, int(seconds or 0), sql))
    return tuple(found)


def explain(errors: str, environment: Mapping[str, str]) -> str:
    """What to do about a failed connection, from what libpq said."""
    where = f"{environment.get('PGHOST', 'the local socket')}:{environment.get('PGPORT', '5432')}"
    if "password authentication failed" in errors or "no password supplied" in errors:
        return "the database refuses this password: correct the database's url of the target."
    if "does not exist" in errors:
        return "correct the database's url of the target: the server knows no such database or role."
    if "too many clients" in errors or "remaining connection slots" in errors:
        return "the server has no connection left: find out who holds them (pg_stat_activity), then retry."
    if "not currently accepting connections" in errors:
        name = environment.get("PGDATABASE", "")
        return (
            "a swap of databases was cut short; connected to another database, run"
            f' `alter database "{name}" with allow_connections true`, then look which databases there are.'
        )
    if "permission denied to create database" in errors:
        return (
            "the role may not create databases, which proving and restoring a backup needs: grant it"
            " CREATEDB, or name a role that may in database.admin_url, or another server in"
            " database.scratch_url."
        )
    if "server version mismatch" in errors:
        return "set the target's database.programs to the folder of this server's own pg_dump and psql."
    return f"see whether PostgreSQL runs and can be reached from here ({where}), then retry."
