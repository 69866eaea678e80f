"""Requests as a web server writes them down: how many went badly, how long they took, how many there are.

A status from 500 on is bad. The maintenance page's own 503s don't count at all: where a JSON line says that
no application was asked (`upstream`), that is known; else the public address is asked for the page once,
whenever there are 503s among the new lines.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handrail.clock import Clock, Instant
from handrail.probes.base import sample, unknown
from handrail.probes.followed_file import FollowedFile
from handrail.probes.log import LONGEST_SEARCHED, Patterns, TooSlow
from handrail.project.signals import signals_of_probe
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import AccessLogProbe, Probe

MILLISECONDS = {"s": 1000.0, "ms": 1.0, "us": 0.001}
STATUS, TIME, UPSTREAM = "status", "time", "upstream"
SHARE_FOR_PATTERNS = 0.25
# The request in quotation marks, in which a quotation mark is escaped; then the status and the size.
_COMBINED = re.compile(r'^\S+ \S+ .*?\[[^\]]*\] "(?:[^"\\]|\\.)*" (\d{3}) (?:\d+|-)(.*)$', re.DOTALL)
_FIELDS = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_QUOTED_IN_COMBINED = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One request: `milliseconds` where the log says; `by_itself` where the web server asked nobody."""

    status: int
    milliseconds: float | None = None
    by_itself: bool | None = None

    @property
    def is_bad(self) -> bool:
        """Whether the server failed; what the client did wrong is no failure of the release."""
        return self.status >= 500


def parse_combined(line: str, time_field: int | None = None, unit: str = "s") -> Seen | None:
    """A line of the common or combined log format; `None` where it isn't one.

    `time_field` counts the fields after the format's own (the referrer and the user agent, where they are).
    """
    match = _COMBINED.match(line)
    if match is None:
        return None
    status = int(match[1])
    if time_field is None:
        return Seen(status)
    fields = [(quoted, plain) for quoted, plain in _FIELDS.findall(match[2])]
    own = fields[:_QUOTED_IN_COMBINED]
    if len(own) == _QUOTED_IN_COMBINED and not any(plain for _, plain in own):
        fields = fields[_QUOTED_IN_COMBINED:]
    if len(fields) < time_field:
        return Seen(status)
    quoted, plain = fields[time_field - 1]
    return Seen(status, _time(quoted or plain, unit))


def parse_json(line: str, fields: Mapping[str, str], unit: str = "s") -> Seen | None:
    """A JSON line; `fields` names its keys, `status` is named so by default; `None` where it isn't one.

    A key with dots (`request.time`) leads into objects, where there is no such key itself.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    status = _number(_at(found, fields.get(STATUS, STATUS)))
    if status is None or not 100 <= status <= 599:
        return None
    by_itself = None
    if UPSTREAM in fields:
        by_itself = _at(found, fields[UPSTREAM]) in (None, "", "-")
    return Seen(int(status), _time(_at(found, fields[TIME]), unit) if TIME in fields else None, by_itself)


def _at(found: Mapping[str, object], name: str) -> object:
    if name in found:
        return found[name]
    value: object = found
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _time(value: object, unit: str) -> float | None:
    # nginx writes the times of several upstreams with commas; the last one answered.
    number = _number(value.rpartition(",")[2].strip() if isinstance(value, str) else value)
    return number * MILLISECONDS[unit] if number is not None and number >= 0 else None


def parser_of(log: AccessLogProbe) -> Callable[[str], Seen | None]:
    """What reads one line of this log."""
    if log.format == "json":
        fields = {str(meaning): name for meaning, name in log.fields.items()}
        return lambda line: parse_json(line, fields, log.time_unit)
    return lambda line: parse_combined(line, log.time_field, log.time_unit)


class AccessLogProber:
    """The new requests of an access log. Without any, its outcomes are silent, and its rate is 0."""

    dated_at_start = False

    def __init__(
        self, target: Target, probe: Probe, clock: Clock, in_maintenance: Callable[[], bool]
    ) -> None:
        assert probe.access_log is not None  # noqa: S101  (its kind says so)
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._clock = clock
        self._in_maintenance = in_maintenance
        self._looks = 0
        self._maintenance_at = -2
        self._parse = parser_of(probe.access_log)
        self._ignored = Patterns(probe.access_log.ignore)
        self._path = probe.access_log.path
        self._file: FollowedFile | None = None
        self._last: Instant | None = None

    def look(self) -> list[Sample]:
        """Read what is new. A log in which no line is one of its format is unknown."""
        self._looks += 1
        if self._file is None:
            self._file = FollowedFile(self._path)
        try:
            new = self._file.read()
            ignored = set(self._ignored.found(new.lines, self.timeout * SHARE_FOR_PATTERNS))
        except OSError as error:
            self._last = None
            return self._unknown(f"{self._path.name} can't be read: {error.strerror}")
        except TooSlow:
            return self._unknown(f"the patterns took too long for the new lines of {self._path.name}")
        texts = [line.decode("utf-8", "replace") for line in new.lines if line.strip()]
        texts = [text for text in texts if text[:LONGEST_SEARCHED] not in ignored]
        seen = [each for text in texts if (each := self._parse(text)) is not None]
        if texts and not seen:
            return self._unknown(f"no new line of {self._path.name} is of its format: {texts[-1]}")
        at = self._clock.now()
        found = self._samples(self._counting(seen), at)
        if new.skipped:
            found += unknown(self.signals, at, f"{new.skipped} bytes were too many to read")
        self._last = at
        return found

    def _counting(self, seen: list[Seen]) -> list[Seen]:
        """Without what the maintenance page answered."""
        counting = [each for each in seen if not (each.status == 503 and each.by_itself)]
        if any(each.status == 503 and each.by_itself is None for each in counting):
            if self._in_maintenance():
                self._maintenance_at = self._looks
            # The last lines of a maintenance that has just ended are its own, too.
            if self._maintenance_at >= self._looks - 1:
                counting = [each for each in counting if each.status != 503 or each.by_itself is False]
        return counting

    def _samples(self, counting: list[Seen], at: Instant) -> list[Sample]:
        went, *rest = self.signals
        rate = rest[-1]
        found = [
            sample(went, at, float(each.is_bad), f"status {each.status}" if each.is_bad else "")
            for each in counting
        ]
        for took in rest[:-1]:
            found += [
                sample(took, at, each.milliseconds)
                for each in counting
                if each.milliseconds is not None and not each.is_bad
            ]
        if self._last is not None and (seconds := at.since(self._last).total_seconds()) > 0:
            found.append(sample(rate, at, len(counting) / seconds))
        return found

    def _unknown(self, why: str) -> list[Sample]:
        return unknown(self.signals, self._clock.now(), why)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
