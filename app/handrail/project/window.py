"""When a target may be deployed to, as its project file says it.

The defaults are those of deployment-workflow.md, Pre-Deployment Checklist 3.
"""

import re
from datetime import date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, field_validator, model_validator

from handrail.values import Frozen

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse_time_of_day(value: object) -> object:
    """`9:00`, `17:30`, a TOML time, or `24:00` for the end of the day, as `HH:MM`. Raises `ValueError`."""
    if isinstance(value, time) and not (value.second or value.microsecond):
        return value.strftime("%H:%M")
    if value == "24:00":
        return value
    if isinstance(value, str) and (match := _TIME_OF_DAY.fullmatch(value.strip())):
        return f"{int(match[1]):02d}:{match[2]}"
    raise ValueError("a time of day in hours and minutes, such as 9:00 or 17:30")


def parse_day_or_moment(value: object) -> date | datetime:
    """A day, a local time or a time with its offset; text is ISO 8601. Raises `ValueError`."""
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        for read in (date.fromisoformat, datetime.fromisoformat):
            try:
                return read(value.strip())
            except ValueError:
                continue
    raise ValueError("a day such as 2026-12-20, or a moment such as 2026-12-20T12:00:00")


TimeOfDay = Annotated[str, BeforeValidator(parse_time_of_day)]
DayOrMoment = Annotated[
    date | datetime,
    PlainValidator(parse_day_or_moment),
    PlainSerializer(lambda value: value.isoformat(), return_type=str, when_used="json"),
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WORKING_DAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri")


class Freeze(Frozen):
    """A time in which nothing is deployed, and why; a bare day is meant as a whole, at either end.

    Times without an offset are those of the window's zone. A moment at the end is itself free again.
    """

    begins: DayOrMoment = Field(alias="from")
    ends: DayOrMoment = Field(alias="until")
    reason: str

    @field_validator("reason")
    @classmethod
    def _said(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("why nothing may be deployed then")
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = (_moment(self.begins), _moment(self.ends))
        days = not isinstance(self.ends, datetime)
        if (first.tzinfo is None) == (last.tzinfo is None) and (last < first or (last == first and not days)):
            raise ValueError("a freeze whose end comes after its beginning")
        return self


def _moment(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


class Window(Frozen):
    """The hours in which a deployment may start: 9:00 to 17:00 Pacific Time on working days by default.

    On the public holidays of `country` (and `subdivision`) it stays closed; an empty country has none.
    """

    enabled: bool = True
    timezone: str = "America/Los_Angeles"
    opens: TimeOfDay = "09:00"
    closes: TimeOfDay = "17:00"
    days: tuple[Weekday, ...] = WORKING_DAYS
    country: str = "US"
    subdivision: str = ""
    freezes: tuple[Freeze, ...] = ()

    @field_validator("days")
    @classmethod
    def _some_day(cls, value: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        if not value:
            raise ValueError("at least one day; `enabled = false` takes the window away")
        return value

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError(
                f"`closes` on the same day as `opens` ({self.opens}) and after it, at most 24:00"
            )
        return self
