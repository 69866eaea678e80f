"""Reads what an environment is made of: database, environment variables, rows, and people in its columns.

Values of the environment and of columns leave this module only as keyed hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from handrail.errors import HandrailError, WrongUsage
from handrail.policy.mirror import Surroundings
from handrail.tasks.database.asking import ask, migration_table

if TYPE_CHECKING:
    from handrail.project.staging import Mirror
    from handrail.tasks.workplace import Workplace

Found = TypeVar("Found")
# Above this, a count would read through a large table of production: the planner's estimate is enough.
COUNTED_ROWS = 1_000_000
MOST_VALUES = 50_000
# What a dry run shows in place of the tables that it can't ask for.
DRY_TABLE = "EACH_TABLE"
_COLUMN = re.compile(r"^(?:([A-Za-z_]\w*)\.)?([A-Za-z_]\w*)\.([A-Za-z_]\w*)$")
_SETTING = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)$")
SERVER = """\
select 'engine', split_part(version(), ' ', 1)
union all select 'version', current_setting('server_version')
union all select 'encoding', pg_encoding_to_char(encoding) from pg_database where datname = current_database()
union all select 'collation', datcollate from pg_database where datname = current_database()
union all select 'extension ' || extname, extversion from pg_extension"""
TABLES = """\
select format('%I.%I', n.nspname, c.relname), c.reltuples::bigint
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
order by 1"""


def read_surroundings(place: Workplace, mirror: Mirror, key: bytes) -> Surroundings:
    """What this environment is made of; a part that can't be read is `None`, and the log says why."""
    return Surroundings(
        database=_readable(place, "database", lambda: server(place)),
        environment=_readable(place, "environment", lambda: variables(place, mirror.settings, key)),
        rows=_readable(place, "rows", lambda: row_counts(place)),
        people={
            column: _readable(place, column, lambda column=column: people(place, column, key))  # type: ignore[misc]
            for column in mirror.anonymised
        },
    )


def server(place: Workplace) -> dict[str, str]:
    """Engine, version, encoding, collation and extensions of the database."""
    return _pairs(ask(place, SERVER))


def row_counts(place: Workplace) -> dict[str, int]:
    """The rows of every table but the migrations', counted; of very large ones, the planner's estimate."""
    found = {name: int(count) for name, count in _pairs(ask(place, TABLES, dry=f"{DRY_TABLE}|0")).items()}
    small = [name for name, estimate in found.items() if estimate < COUNTED_ROWS]
    if small:
        counts = " union all ".join(f"select '{_quoted(name)}', count(*) from {name}" for name in small)  # noqa: S608
        found |= {
            name: int(count) for name, count in _pairs(ask(place, counts, dry=f"{DRY_TABLE}|0")).items()
        }
    # Its rows say where the schema stands, and change with every migration up or down.
    found.pop(migration_table(place), None)
    return found


def people(place: Workplace, column: str, key: bytes) -> frozenset[str]:
    """Keyed hashes of a column's distinct values; of more than 50,000, always the same sample.

    The database hashes first, so that no value leaves it.
    """
    match = _COLUMN.match(column)
    if match is None:
        raise WrongUsage(f"{column!r} names no column.", next_step="write it as TABLE.COLUMN.")
    schema, table, name = match.groups()
    source = f'"{schema}"."{table}"' if schema else f'"{table}"'
    value = f'lower(trim("{name}"::text))'
    sql = (
        f"select distinct md5({value}) from {source} where {value} <> ''"  # noqa: S608  (names by pattern)
        f" order by 1 limit {MOST_VALUES}"
    )
    return frozenset(keyed(key, line) for line in ask(place, sql).splitlines() if line)


def variables(place: Workplace, files: tuple[str, ...], key: bytes) -> dict[str, str]:
    """Environment variables with keyed hashes of their values: the target's, and those of its files."""
    found = dict(place.target.environment)
    for name in files:
        path = place.site.checkout / name
        try:
            found |= parse_settings(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise HandrailError(
                f"The settings {path} of {place.site.name} can't be read: {error}."
            ) from error
    return {name: keyed(key, value) for name, value in found.items()}


def parse_settings(text: str) -> dict[str, str]:
    """The variables of a file of `NAME=value` lines, as the common dotenv readers take them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _SETTING.match(line)
        if match is None:
            continue
        name, value = match[1], match[2].strip()
        if value[:1] in ("'", '"', "`") and (end := value.find(value[0], 1)) > 0:
            value = value[1:end]
        else:
            value = value.partition(" #")[0].strip()
        found[name] = value
    return found


def keyed(key: bytes, value: str) -> str:
    """A hash of a value that tells nothing without the key, which is thrown away after one comparison."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def access_times(path: Path) -> list[float]:
    """The moments of the requests in an access log of JSON lines with an ISO time `at`, and its `.1`."""
    moments: list[float] = []
    for file in (path.with_name(path.name + ".1"), path):
        if not file.is_file():
            continue
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                moments.append(datetime.fromisoformat(json.loads(line)["at"]).timestamp())
            except (ValueError, KeyError, TypeError):
                continue
    return moments


def _pairs(answer: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.rpartition("|") for line in answer.splitlines() if line)}


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _readable(place: Workplace, what: str, read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except HandrailError as error:
        place.say(f"{place.site.name}: {what}: {error.summary}")
        return None


def as_lines(counts: Mapping[str, int]) -> str:
    """Row counts in one line, for people."""
    return ", ".join(f"{table} {count}" for table, count in sorted(counts.items())) or "no table"
