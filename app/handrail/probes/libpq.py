"""How PostgreSQL's own programs are found and told where the database is; pure.

The address of the database reaches them as environment, never as an argument: arguments stand in logs,
and in every user's process list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from handrail.errors import WrongUsage

if TYPE_CHECKING:
    from handrail.project.model import Database

CONNECT_TIMEOUT = "5"
_PARAMETERS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "host": "PGHOST",
    "options": "PGOPTIONS",
}


def connection(url: str) -> dict[str, str]:
    """libpq's variables for an address. Raises `WrongUsage`, without the address, where it isn't one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("postgres", "postgresql") or port == -1:
        raise WrongUsage(
            "The database's url in handrail.toml is no address of a PostgreSQL database.",
            next_step="write it as postgresql://USER:PASSWORD@HOST:PORT/NAME.",
        )
    found = {
        "PGHOST": unquote(parts.hostname or ""),
        "PGPORT": str(port) if port else "",
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGCONNECT_TIMEOUT": CONNECT_TIMEOUT,
        "PGAPPNAME": "handrail",
    }
    found |= {_PARAMETERS[name]: value for name, value in parse_qsl(parts.query) if name in _PARAMETERS}
    return {name: value for name, value in found.items() if value}


def program(database: Database, name: str) -> str:
    """One of PostgreSQL's programs: those beside each other fit the server, another version's may refuse."""
    return str(database.programs / name) if database.programs else name


def reason(errors: str) -> str:
    """The one line of libpq's words that says what is wrong; the lines after it only ask back."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "FATAL:" in line or "ERROR:" in line]
    return telling[0].removeprefix("psql: error: ").rstrip(".") if telling else "".join(lines[-1:])
