"""The kinds of value that runbooks and project files share, strict about what they accept."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from handrail.light_pydantic import without_plugins

without_plugins()

Scalar = str | int | float | bool | None
"""A value that a fact, a parameter or an argument can have."""

DURATION_PATTERN = r"^(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?$"


class Frozen(BaseModel):
    """A value: unknown fields are errors, and nothing changes it once it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


def parse_duration(value: object) -> object:
    """`1h 30m`, `10m` or `45s` as a timedelta. Raises `ValueError` for other text and bare numbers."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value.strip() and (match := re.match(DURATION_PATTERN, value.strip())):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        try:
            return timedelta(hours=hours, minutes=minutes, seconds=seconds)
        except OverflowError as error:
            raise ValueError("a duration that a clock can count") from error
    raise ValueError("a duration with its unit, such as 45s, 10m or 1h 30m")


def write_duration(value: timedelta) -> str:
    """The inverse of `parse_duration`, in whole seconds where it isn't a round number of minutes."""
    seconds = int(value.total_seconds())
    return f"{seconds // 60}m" if seconds and seconds % 60 == 0 else f"{seconds}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["45s", "10m", "1h 30m"]}),
]
TaskName = Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$", max_length=120)]
Arguments = Annotated[dict[str, Any], Field(default_factory=dict)]


class TriggerClass(StrEnum):
    """How soon a rollback must be done (deployment-workflow.md, Rollback Timeline)."""

    IMMEDIATE = "immediate"
    FAST = "fast"
    CONSIDERED = "considered"
