"""Where the keys of a TOML file stand, which the standard library's parser doesn't tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from handrail.problems import Location

LONGEST_STATEMENT_LINES = 400


def key_lines(text: str) -> dict[Location, int]:
    """The line of every key and table of a valid TOML document, counted from 1.

    Each statement is given to the parser alone, so that no syntax is read twice in two ways. What lies
    within one statement (an inline table, an array) has the line on which the statement begins.
    """
    lines: dict[Location, int] = {}
    table: Location = ()
    counts: dict[Location, int] = {}
    for number, statement, data in _statements(text):
        header = statement.lstrip().startswith("[")
        if header:
            table = _table(data, counts)
            for depth in range(1, len(table) + 1):
                lines.setdefault(table[:depth], number)
            continue
        for location in _locations(data):
            lines.setdefault((*table, *location), number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    begun: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not begun:
            start = number
        begun.append(line)
        statement = "\n".join(begun)
        try:
            data = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            if len(begun) >= LONGEST_STATEMENT_LINES:
                # A longer one would take quadratic time; keys after it fall back to their table's line.
                return
            continue
        begun = []
        if data:
            yield start, statement, data


def _table(data: Mapping[str, Any], counts: dict[Location, int]) -> Location:
    """The location that a header opens; arrays of tables count their entries."""
    location: Location = ()
    value: Any = data
    while isinstance(value, dict) and value:
        key = next(iter(value))
        value = value[key]
        location = (*location, key)
        if isinstance(value, list):
            counts[location] = counts.get(location, -1) + 1
            for counted in [each for each in counts if len(each) > len(location)]:
                if counted[: len(location)] == location:
                    del counts[counted]
        if location in counts:
            location = (*location, counts[location])
        if isinstance(value, list):
            value = value[0]
    return location


def _locations(value: Any, location: Location = ()) -> Iterator[Location]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*location, key)
        yield from _locations(item, (*location, key))
