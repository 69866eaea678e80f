"""What a window's zone and country mean on this machine: time zone data, and public holidays."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import date, tzinfo
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from handrail.problems import one_of, quote, suggestion

if TYPE_CHECKING:
    from handrail.project.window import Window

DEFAULT_COUNTRY = "US"
HolidayLookup = Callable[[date], str | None]


class Calendar(Struct, frozen=True):
    """A zone, and the name of the holiday that a day is; `missing` says what this machine doesn't know."""

    zone: tzinfo | None
    holiday: HolidayLookup
    missing: str = ""


def calendar_of(window: Window) -> Calendar:
    """The calendar that a window goes by. Raises nothing: what can't be found stands in `missing`."""
    return _calendar(window.timezone, window.country, window.subdivision)


@functools.cache
def _calendar(timezone: str, country: str, subdivision: str) -> Calendar:
    zone = zone_of(timezone)
    if zone is None:
        return Calendar(None, _no_holiday, f"this machine has no time zone data for {timezone}")
    if not country:
        return Calendar(zone, _no_holiday)
    try:
        import holidays  # noqa: PLC0415  (slow to import, and needed by few)

        known = holidays.country_holidays(country, subdiv=subdivision or None)
    except (ImportError, NotImplementedError) as error:
        place = f"{country} {subdivision}".strip()
        return Calendar(zone, _no_holiday, f"the holidays of {place} are not known here ({error})")

    def holiday(day: date) -> str | None:
        name = known.get(day)
        return str(name) if name else None

    return Calendar(zone, holiday)


def _no_holiday(day: date) -> str | None:
    return None


def zone_of(timezone: str) -> tzinfo | None:
    """The zone of that name; `None` where this machine has no data for it."""
    try:
        return zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


@functools.cache
def _zones() -> frozenset[str]:
    """Every zone that this machine knows; none where it has no time zone data at all."""
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def _countries() -> Mapping[str, Sequence[str]]:
    """The subdivisions of every known country by its code; nothing where the library is missing."""
    try:
        import holidays  # noqa: PLC0415  (slow to import, and needed by few)
    except ImportError:
        return {}
    return holidays.list_supported_countries()


def unknown_places(window: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What no machine would know in a window as it is written: (key, found, expected) of each.

    Says nothing where this machine lacks the data to tell; the check then answers unknown.
    """
    found: list[tuple[str, str, str]] = []
    timezone, subdivision = window.get("timezone"), window.get("subdivision")
    country = window.get("country", DEFAULT_COUNTRY)
    if isinstance(timezone, str) and zone_of(timezone) is None and (zones := _zones()):
        expected = f"a zone such as America/Los_Angeles{suggestion(timezone, zones)}"
        found.append(("timezone", f"the unknown time zone {quote(timezone)}", expected))
    if not isinstance(country, str) or not country or (country == DEFAULT_COUNTRY and not subdivision):
        # Not worth loading the library of holidays at every call.
        return found
    countries = _countries()
    if countries and country not in countries:
        expected = f"a code such as US or DE, or nothing for no holidays{suggestion(country, countries)}"
        found.append(("country", f"the unknown country {quote(country)}", expected))
    elif countries and isinstance(subdivision, str) and subdivision not in ("", *countries[country]):
        expected = one_of(subdivision, countries[country])
        found.append(("subdivision", f"the unknown part {quote(subdivision)} of {country}", expected))
    return found
