"""What a rollback would do now: the undo of the steps that really ran, newest first.

Several steps may name the same undo runbook (checkout, install, build and restart all lead back
through `rollback-code`). It runs once, where the oldest of them stands in that order, since it can
be complete only when everything after that step has been taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from handrail.run.composing import composed
from handrail.run.plan import PlannedCall, PlannedOtherWay, PlannedStep, PlannedUndo, UndoKind
from handrail.run.state import RunState, StepState
from handrail.runbook.model import StepKind
from handrail.runbook.template import TemplateError, resolve

SECTION = "Rollback"
UNDO_TITLE = "Undo: "


class UndoPlan(Struct, frozen=True):
    """The steps of a rollback in order, and what stays as it is, with the reason.

    `irreversible` are (title, reason) of what can't be taken back; `needless` of what need not be.
    """

    steps: tuple[PlannedStep, ...]
    irreversible: tuple[tuple[str, str], ...]
    needless: tuple[tuple[str, str], ...]


def undo_plan(state: RunState) -> UndoPlan:
    """What rolling back now would do."""
    steps: list[PlannedStep] = []
    irreversible: list[tuple[str, str]] = []
    needless: list[tuple[str, str]] = []
    acted = [step for step in state.forward_steps if step.may_have_acted and not step.planned.only_looks]
    oldest_of_runbook = {
        step.planned.undo.runbook: step.key
        for step in reversed(acted)
        if step.planned.undo and step.planned.undo.runbook and is_needed(step.planned.undo, state)
    }
    for step in reversed(acted):
        planned = step.planned
        if why := why_irreversible(step, state):
            irreversible.append((planned.title, why))
        undo = planned.undo
        if undo is None:
            if not why_irreversible(step, state):
                irreversible.append((planned.title, "the runbook names no undo for it"))
        elif undo.kind is UndoKind.NOTHING:
            needless.append((planned.title, undo.reason))
        elif not is_needed(undo, state):
            needless.append((planned.title, undo.unless_needed or f"not needed: {undo.when}"))
        elif undo.kind is UndoKind.TASK and undo.call is not None:
            steps.append(_undo_task(planned, undo, _as_of_now(undo.call, state), state))
        elif undo.runbook is not None and oldest_of_runbook[undo.runbook] == step.key:
            steps += undo_runbook_steps(state, undo.arguments, undo.runbook)
    taken = {step.key for step in state.forward_steps}
    return UndoPlan(with_own_keys(steps, taken), tuple(irreversible), tuple(needless))


def truth(value: object) -> bool:
    """Whether a resolved template says yes; only clear words for no count as no."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "false", "no", "0", "none")
    return bool(value)


def is_needed(undo: PlannedUndo, state: RunState) -> bool:
    """Whether an undo is needed in this run; where its condition can't be told, it is."""
    if undo.when is None:
        return True
    try:
        return truth(resolve(undo.when, {"facts": state.facts}))
    except TemplateError:
        return True


def why_irreversible(step: StepState, state: RunState) -> str | None:
    """Why a step can't be taken back in this run; `None` where it can."""
    planned = step.planned
    reason = planned.irreversible or "what it changed can't be brought back"
    if planned.irreversible_when is None:
        return planned.irreversible
    try:
        return reason if truth(resolve(planned.irreversible_when, {"facts": state.facts})) else None
    except TemplateError:
        return f"{reason} (it is not known whether it did)"


def _undo_task(planned: PlannedStep, undo: PlannedUndo, call: PlannedCall, state: RunState) -> PlannedStep:
    fields: dict[str, object] = {}
    if undo.estimate is not None:
        fields["estimate"] = undo.estimate
    if undo.timeout is not None:
        fields["timeout"] = undo.timeout
    return PlannedStep(
        key=f"undo/{planned.key}",
        section=SECTION,
        title=f"{UNDO_TITLE}{planned.title}",
        prose=f"Takes back the step *{planned.title}*.",
        kind=StepKind.TASK,
        source=planned.source,
        call=call,
        undo=PlannedUndo(kind=UndoKind.NOTHING, reason="it is itself an undo"),
        otherwise=undo.otherwise and _other_way_as_of_now(undo.otherwise, state),
        **fields,  # type: ignore[arg-type]
    )


def _other_way_as_of_now(otherwise: PlannedOtherWay, state: RunState) -> PlannedOtherWay:
    given = _known_now(otherwise.arguments, state)
    return otherwise.model_copy(update={"title": _shown(otherwise.title, given, state), "arguments": given})


def undo_runbook_steps(state: RunState, arguments: Mapping[str, Any], runbook: str) -> list[PlannedStep]:
    """The steps of a run of a frozen undo runbook, given these values as they are known now."""
    given = _known_now(arguments, state)
    return [
        step.model_copy(
            update={
                "key": f"undo/{runbook}/{step.key}",
                "section": SECTION,
                "title": _shown(step.title, given, state),
                "statement": None if step.statement is None else _shown(step.statement, given, state),
                "call": step.call and _given(step.call, given),
                "probe": step.probe and _given(step.probe, given),
                "gate": tuple(
                    gate.model_copy(update={"call": _given(gate.call, given)}) for gate in step.gate
                ),
            }
        )
        for step in state.plan.undo_runbooks[runbook]
    ]


def _as_of_now(call: PlannedCall, state: RunState) -> PlannedCall:
    """The call with the facts of this moment: what an undo finds on its way must not lead the next astray."""
    return call.model_copy(update={"arguments": _known_now(call.arguments, state)})


def _known_now(arguments: Mapping[str, Any], state: RunState) -> dict[str, Any]:
    """The arguments with what is known; what is not yet known is asked for again when its step starts."""
    known: dict[str, Any] = {}
    for name, value in arguments.items():
        try:
            # Kept for a later look at facts, so that a fact which holds `${` remains text.
            known[name] = resolve(value, {"facts": state.facts}, keep={"param"})
        except TemplateError:
            known[name] = value
    return known


def _given(call: PlannedCall, given: Mapping[str, Any]) -> PlannedCall:
    return call.model_copy(update={"arguments": composed(call.arguments, given)})


def _shown(text: str, given: Mapping[str, Any], state: RunState) -> str:
    said = str(composed(text, given))
    try:
        return str(resolve(said, {"facts": state.facts}))
    except TemplateError:
        return said


def with_own_keys(steps: Collection[PlannedStep], taken: Collection[str]) -> tuple[PlannedStep, ...]:
    """The steps, each with a key that no other step of the run has: a key stands for one step for ever."""
    used, own = set(taken), []
    for step in steps:
        key, number = step.key, 1
        while key in used:
            number += 1
            key = f"{step.key}-{number}"
        used.add(key)
        own.append(step if key == step.key else step.model_copy(update={"key": key}))
    return tuple(own)
