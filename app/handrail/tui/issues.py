"""What the run's screen needs to know of common issues; `cli` provides it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from handrail.issues.model import Found
from handrail.run.state import RunState, StepState

IssuesOf = Callable[[RunState, StepState], Sequence[Found]]
"""The known issues that a failed step shows; cheap when asked again for the same attempt."""


def no_issues(state: RunState, step: StepState) -> Sequence[Found]:
    """A screen without a catalogue knows none."""
    return ()
