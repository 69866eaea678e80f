"""Changes of a run's state that the fold of many an event makes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from handrail.clock import Instant
from handrail.run.state import RunState, TimelineEntry


def noted(state: RunState, at: Instant, who: str, text: str) -> RunState:
    """The state with one more thing that somebody said or decided."""
    return replace(state, notes=(*state.notes, TimelineEntry(at, who, text)))


def with_trigger(state: RunState, number: int, **changes: Any) -> RunState:
    """The state with one trigger changed. Raises `KeyError` where the run has none of that number."""
    return replace(state, triggers={**state.triggers, number: replace(state.triggers[number], **changes)})
