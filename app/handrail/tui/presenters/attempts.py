"""Which attempt's log stands beside a step."""

from __future__ import annotations

from handrail.run.state import AttemptState, RunState, StepState


def attempt_in_view(state: RunState, step: StepState, asked: int, *, following: bool) -> AttemptState | None:
    """The step's last attempt, or the one that was `asked` for; without one, the run's last one.

    The latter holds while the steps are followed, until there is a newer.
    """
    if asked in step.attempts:
        return state.attempts[asked]
    if step.attempts:
        return state.attempts[step.attempts[-1]]
    if step.planned.watch_for is not None or not following:
        return None
    return next((a for a in reversed(state.attempts.values()) if a.step is not None), None)


def attempts_beside(state: RunState, attempt: AttemptState | None) -> tuple[int, ...]:
    """The numbers of all attempts of the step to which an attempt belongs."""
    step = state.steps.get(attempt.step or "") if attempt is not None else None
    return tuple(step.attempts) if step is not None else ()


def attempt_asked(state: RunState, attempt: AttemptState | None, by: int) -> int | str:
    """The number of the step's next attempt, or of the one before; a sentence where there is none.

    The newest is 0: it is followed again, so that a further attempt is seen at once.
    """
    attempts = attempts_beside(state, attempt)
    if attempt is None or len(attempts) < 2:
        return "There is no other attempt of this step."
    number = attempts.index(attempt.number) + by
    if not 0 <= number < len(attempts):
        return f"This is the {'last' if by > 0 else 'first'} attempt."
    return attempts[number] if number < len(attempts) - 1 else 0


def place_of(state: RunState, attempt: AttemptState | None) -> tuple[int, int]:
    """Which of its step's attempts it is, from 1, and of how many."""
    attempts = attempts_beside(state, attempt)
    if attempt is None or attempt.number not in attempts:
        return 1, 1
    return attempts.index(attempt.number) + 1, len(attempts)
