"""What needs a person: once for the bell, and in a few words for the terminal's title."""

from __future__ import annotations

from handrail.clock import Instant
from handrail.run.deadline_stage import StageChanges
from handrail.run.deadlines import countdowns
from handrail.run.events import Purpose
from handrail.run.state import Phase, RunState, StepStatus
from handrail.runbook.model import StepKind
from handrail.text import clean_line
from handrail.tui.presenters.header import production_words
from handrail.tui.presenters.line import shortened
from handrail.tui.presenters.steps import SIGNS

LONGEST_TITLE = 100
ENDING = " — handrail"
Occasion = tuple[str, str, int]
"""Of which kind, about what, and which time: what has rung once does not ring again."""


def occasions(state: RunState) -> frozenset[Occasion]:
    """All that needs a person now, or has just ended: a failure, a trigger, a doubt, a question, the end.

    How near a trigger's deadline is, and that it was missed, are its stages: see `Attention`.
    """
    if not state.phase.is_open:
        return frozenset({("over", state.phase.value, 0)})
    found: set[Occasion] = {("trigger", "", trigger.number) for trigger in state.open_triggers}
    for step in state.current_steps:
        if step.status in (StepStatus.FAILED, StepStatus.IN_DOUBT, StepStatus.HELD):
            # A probe that looks what became of a step is no second failure of it.
            purpose = Purpose.GATE if step.status is StepStatus.HELD else Purpose.STEP
            last = state.last_attempt(step.key, purpose)
            found.add((step.status.value, step.key, last.number if last else 0))
    current = state.current
    if current is not None and current.planned.kind is StepKind.ATTEST and state.running is None:
        found.add(("question", current.key, 0))
    return frozenset(found)


class Attention:
    """What one run has rung for: once for each occasion, and once for each worse stage of a countdown."""

    def __init__(self) -> None:
        self._known: frozenset[Occasion] | None = None
        self._stages = StageChanges()

    def rings(self, state: RunState, now: Instant) -> bool:
        """Whether something needs a person that didn't at the last look; what one comes to is seen anyway."""
        first, known = self._known is None, self._known or frozenset()
        found = occasions(state)
        self._known = known | found
        # Looked at in any case, so that the next look knows the stage. A trigger rings together with its
        # first stage, and a deadline that is given time may come near, and ring, once more.
        worse = state.phase.is_open and self._stages.worse(countdowns(state, now))
        return not first and (worse or bool(found - known))


def title_text(state: RunState, now: Instant) -> str:
    """Target, state and countdown for the terminal's title; in whole minutes, so that it is calm."""
    target = state.plan.target
    name = production_words(target) if target.production else clean_line(target.name)
    return shortened(f"{name} {_standing(state, now)}", LONGEST_TITLE - len(ENDING)) + ENDING


def _standing(state: RunState, now: Instant) -> str:
    title = clean_line(state.plan.title)
    if not state.phase.is_open:
        glyph = "✓" if state.phase is Phase.FINISHED else "↶" if state.phase is Phase.ROLLED_BACK else "■"
        return f"{glyph} {state.phase.value}: {title}"
    due = ""
    if found := countdowns(state, now):
        due = _due(found[0].to_deadline.total_seconds(), rolling=state.rollback_started is not None)
    current = state.current
    if current is None:
        return f"{due}a trigger is open: {title}"
    sign = SIGNS[current.status]
    waits = current.planned.kind is StepKind.ATTEST and current.status is StepStatus.PENDING
    word = "you say" if waits else "next" if current.status is StepStatus.PENDING else sign.word
    return f"{due}{sign.glyph} {word}: {clean_line(current.planned.title)}"


def _due(seconds: float, *, rolling: bool) -> str:
    what = "rolling back, " if rolling else "ROLL BACK, "
    if seconds <= 0:
        return f"{what}deadline MISSED · "
    minutes = int(seconds // 60)
    return f"{what}{minutes}m left · " if minutes else f"{what}under 1m left · "
