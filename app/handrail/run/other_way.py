"""Another way back, where a step's own undo fails: a runbook that the plan names and has frozen.

deployment-workflow.md, "Database Rollback": restore from backup if the rollback script fails.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from handrail.run.plan import PlannedOtherWay, PlannedStep
from handrail.run.state import RunState, StepState, StepStatus
from handrail.run.undo import UNDO_TITLE, undo_runbook_steps, with_own_keys
from handrail.runbook.template import MissingValue, TemplateError, references, resolve


class WayByHand(Struct, frozen=True):
    """Another way with what it is given now; `command` runs it alone, as a run of its own."""

    title: str
    command: str


def other_way_steps(state: RunState, step: StepState) -> tuple[PlannedStep, ...]:
    """The steps that would come in the place of a rollback's step; none where it has no other way."""
    otherwise = step.planned.otherwise
    if otherwise is None:
        return ()
    return with_own_keys(undo_runbook_steps(state, otherwise.arguments, otherwise.runbook), taken=state.steps)


def facts_missing(otherwise: PlannedOtherWay, state: RunState) -> tuple[str, ...]:
    """The facts that the other way is given and that no step of this run has reported."""
    missing = []
    for value in otherwise.arguments.values():
        for reference in _references(value):
            try:
                resolve(str(reference), {"facts": state.facts})
            except MissingValue:
                missing.append(".".join(reference.path))
    return tuple(dict.fromkeys(missing))


def if_it_fails(otherwise: PlannedOtherWay, state: RunState) -> str:
    """The other way in words: its title, and what it would still lack in this run."""
    missing = facts_missing(otherwise, state)
    lacking = f" (not as it stands: no step has reported {', '.join(missing)})" if missing else ""
    return f"{otherwise.title}{lacking}"


def _references(value: Any) -> Iterator[Any]:
    if isinstance(value, str):
        yield from (reference for reference in references(value) if reference.namespace == "facts")


def ways_by_hand(state: RunState) -> tuple[WayByHand, ...]:
    """Every other way of the plan for which this run has the facts, whether or not its step's undo fails.

    A backup is worth knowing of even where no migration has to be taken back.
    """
    found: dict[str, WayByHand] = {}
    for step in state.forward_steps:
        otherwise = step.planned.undo.otherwise if step.planned.undo else None
        if otherwise is not None and (command := _command(otherwise, state)) is not None:
            found.setdefault(command, WayByHand(otherwise.title, command))
    return tuple(found.values())


def _command(otherwise: PlannedOtherWay, state: RunState) -> str | None:
    """The command line of the other way alone, quoted for a shell; `None` where a fact is missing."""
    words = ["handrail", "run", otherwise.runbook, "--target", state.plan.target.name]
    for name, template in otherwise.arguments.items():
        try:
            value = resolve(template, {"facts": state.facts})
        except TemplateError:
            return None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        words += ["--param", f"{name}={text}"]
    return shlex.join(words)


def left_as_it_is(state: RunState) -> tuple[tuple[str, str], ...]:
    """What the rollback does not bring back, with the reason: what another way has brought back is not in it.

    What that way itself can't bring back is, once it was gone.
    """
    replacing: dict[str, list[StepState]] = {}
    for step in state.undo_steps:
        if step.instead_of:
            replacing.setdefault(step.instead_of, []).append(step)
    brought_back = {
        state.steps[key].planned.title.removeprefix(UNDO_TITLE)
        for key, steps in replacing.items()
        if all(step.status in (StepStatus.PASSED, StepStatus.MARKED_DONE) for step in steps)
    }
    lost = [
        (step.planned.title, step.planned.irreversible)
        for steps in replacing.values()
        for step in steps
        if step.planned.irreversible and step.may_have_acted
    ]
    return (*(entry for entry in state.not_undone if entry[0] not in brought_back), *lost)
