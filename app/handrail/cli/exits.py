"""What the exit code says of a run when a screen leaves it."""

from __future__ import annotations

from handrail.errors import ExitCode
from handrail.run.state import Phase, RunState, StepStatus


def exit_code_of(state: RunState) -> ExitCode:
    """0 finished, 1 rolled back or aborted, 5 a step in doubt, 3 otherwise still open."""
    if state.phase is Phase.FINISHED:
        return ExitCode.FINISHED
    if not state.phase.is_open:
        return ExitCode.FAILED_OR_ROLLED_BACK
    current = state.current
    if current is not None and current.status is StepStatus.IN_DOUBT:
        return ExitCode.IN_DOUBT
    return ExitCode.DETACHED
