"""One number from the target's database, by psql, in a transaction that only reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.clock import Clock
from handrail.errors import WrongUsage
from handrail.probes.base import sample, unknown
from handrail.probes.children import Children
from handrail.probes.direct import revealed
from handrail.probes.exchange import CanNotAsk
from handrail.probes.libpq import connection, program, reason
from handrail.project.signals import signals_of_probe
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe

LOCK_TIMEOUT_MS = 2_000


def one_number(output: str) -> tuple[float | None, str]:
    """The number that psql printed, or why there is none."""
    rows = output.splitlines()
    if not rows:
        return None, "the query gives no row"
    if len(rows) > 1:
        return None, f"the query gives {len(rows)} rows, and one is expected"
    if "|" in rows[0]:
        return None, "the query gives several columns, and one is expected"
    if not rows[0].strip():
        return None, "the query gives no value (null)"
    try:
        number = float(rows[0])
    except ValueError:
        return None, f"the query gives {rows[0][:60]!r}, which is no number"
    return (number, "") if math.isfinite(number) else (None, f"the query gives {rows[0]}")


class SqlProber:
    """The value of one query; the server itself ends one that takes too long."""

    dated_at_start = False

    def __init__(
        self, target: Target, probe: Probe, clock: Clock, children: Children, environment: Mapping[str, str]
    ) -> None:
        assert probe.sql is not None  # noqa: S101  (its kind says so)
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._query = " ".join(probe.sql.query.split()).rstrip("; ")
        self._target = target
        self._clock = clock
        self._children = children
        self._environment = environment

    def look(self) -> list[Sample]:
        """Ask the database, on a connection of its own."""
        try:
            output = self._ask()
        except CanNotAsk as error:
            return unknown(self.signals, self._clock.now(), error.summary)
        at = self._clock.now()
        number, why = one_number(output)
        (signal,) = self.signals
        return [sample(signal, at, number, why)]

    def _ask(self) -> str:
        database = self._target.database
        if database is None:
            raise CanNotAsk("the target names no database")
        try:
            where = connection(revealed(database.url))
        except WrongUsage as error:
            raise CanNotAsk(error.summary.rstrip(".")) from error
        limit = max(1, round(self.timeout * 1000) - 500)
        options = {
            "default_transaction_read_only": "on",
            "statement_timeout": limit,
            "lock_timeout": LOCK_TIMEOUT_MS,
        }
        given = [where.get("PGOPTIONS", ""), *(f"-c {name}={value}" for name, value in options.items())]
        where["PGOPTIONS"] = " ".join(given).strip()
        argv = [program(database, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        for statement in ("begin transaction read only", self._query, "rollback"):
            argv += ["-c", statement]
        folder = self._target.checkout if self._target.checkout.is_dir() else Path("/")
        ended = self._children.run(argv, {**self._environment, **where}, folder, self.timeout)
        if ended.code:
            said = reason(ended.errors) or f"psql ended with exit code {ended.code}"
            raise CanNotAsk(f"the database gives no answer: {said}")
        return ended.output

    def close(self) -> None:
        """psql is ended with all other children."""
