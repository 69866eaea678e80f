"""What can be done, on which key, and why it can't be done now: one table for keys, help and palette."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from handrail.configuration.actions import Keys
from handrail.run import commands as c
from handrail.run.actors import Actor
from handrail.run.commands import OperatorCommand
from handrail.run.more_time import read_more_time
from handrail.run.on_deadline import to_keep
from handrail.run.rules import foreign_events, why_not
from handrail.run.state import RunState, StepState, StepStatus
from handrail.text import clean_line

ANY_TEXT = "because"
ANY_MINUTES = "1 why"
OWN_KEYS = Keys()


class Asks(StrEnum):
    """What an action asks for before it is sent; none that changes much goes on one key."""

    NOTHING = "nothing"
    CONFIRMATION = "confirmation"
    REMARK = "an optional remark"
    REASON = "a reason"
    WORDS = "what users report"
    MINUTES = "minutes and a reason"
    MORE_MINUTES = "minutes, and perhaps a reason"
    TARGET = "the target's name"


Make = Callable[[RunState, str], OperatorCommand | str]


class Action(Struct, frozen=True):
    """One action. `make` gives the command, or a sentence saying why there is none to give."""

    name: str
    key: str
    shown_key: str
    label: str
    help: str
    asks: Asks
    make: Make
    also: tuple[str, ...] = ()


def _for_step(build: Callable[[StepState, RunState, str], OperatorCommand | str]) -> Make:
    def make(state: RunState, text: str) -> OperatorCommand | str:
        if state.current is None:
            if not state.phase.is_open:
                return f"The run is over: {state.phase.value}."
            if why := foreign_events(state, None):
                return why
            return "Every step is done; only the open trigger is left: roll back, or close the trigger."
        return build(state.current, state, text)

    return make


def _retry(step: StepState, state: RunState, text: str) -> OperatorCommand:
    return c.RetryStep(step=step.key, after_attempt=step.attempts[-1] if step.attempts else 0)


def _answer(holds: bool) -> Callable[[StepState, RunState, str], OperatorCommand]:
    def build(step: StepState, state: RunState, text: str) -> OperatorCommand:
        if step.status is StepStatus.IN_DOUBT:
            return c.ResolveDoubt(step=step.key, done=holds, reason=text)
        return c.Attest(step=step.key, holds=holds, note=text)

    return build


def _cancel(state: RunState, text: str) -> OperatorCommand | str:
    if state.running is None and (step := state.waiting_step) is not None:
        if state.watch.is_on:
            return "A watch is not cancelled: stretch it, or cut it by skipping it, which is a waiver."
        return f"{step.planned.title} only waits and looks: it ends by itself, or skip it."
    if (running := state.running) is None:
        return "Nothing is running that could be cancelled."
    return c.CancelStep(attempt=running.number)


def _waive(step: StepState, state: RunState, text: str) -> OperatorCommand | str:
    if not step.planned.gate:
        return f"{step.planned.title} has no gate: there is no check to waive."
    open_checks = [
        gate.check
        for gate in step.planned.gate
        if gate.check not in step.waived and gate.check not in step.checks_passed
    ]
    if not open_checks or step.status is not StepStatus.HELD:
        return "No check holds this step back."
    return c.WaiveCheck(step=step.key, check=held_check(step) or open_checks[0], reason=text)


def held_check(step: StepState) -> str | None:
    """The check that holds a step back, as its reason names it."""
    waiting = [g.check for g in step.planned.gate if g.check not in step.waived]
    return next((check for check in waiting if f"check {check} " in step.why), None)


def _roll_back(state: RunState, text: str) -> OperatorCommand:
    return c.RollBack(confirm=text)


def _other_way(step: StepState, state: RunState, text: str) -> OperatorCommand:
    return c.TakeOtherWay(step=step.key, confirm=text)


def _close_trigger(state: RunState, text: str) -> OperatorCommand | str:
    if not state.open_triggers:
        return "No rollback trigger is open."
    return c.CloseTrigger(trigger=state.open_triggers[0].number, reason=text)


def _extend(state: RunState, text: str) -> OperatorCommand | str:
    if not state.open_triggers:
        return "No rollback trigger is open: there is no deadline to extend."
    asked = read_more_time(text, needs_reason=True)
    if isinstance(asked, str):
        return asked
    first = state.open_triggers[0].number
    return c.ExtendDeadline(trigger=first, seconds=asked.seconds, reason=asked.reason)


def _keep_release(state: RunState, text: str) -> OperatorCommand | str:
    trigger = to_keep(state)
    if trigger is None:
        return "No rollback trigger is open: nothing is rolled back by itself."
    return c.KeepRelease(trigger=trigger.number, reason=text)


def _stretch(state: RunState, text: str) -> OperatorCommand | str:
    if not state.watch.is_on or state.watch.step is None:
        return "No watch is on that could be stretched."
    asked = read_more_time(text, needs_reason=False)
    if isinstance(asked, str):
        return asked
    return c.StretchWatch(step=state.watch.step, seconds=asked.seconds, reason=asked.reason)


ACTIONS: tuple[Action, ...] = (
    Action(
        "run",
        "enter",
        "enter",
        "Run next",
        "Run the next step; its gate is checked first",
        Asks.NOTHING,
        _for_step(lambda step, state, text: c.StartStep(step=step.key)),
        ("r",),
    ),
    Action(
        "yes",
        "y",
        "y",
        "Yes, it holds",
        "Answer an attestation, or a step in doubt, with yes",
        Asks.REMARK,
        _for_step(_answer(True)),
    ),
    Action(
        "no",
        "n",
        "n",
        "No",
        "Answer an attestation, or a step in doubt, with no",
        Asks.REMARK,
        _for_step(_answer(False)),
    ),
    Action("retry", "R", "R", "Retry", "Try the failed or held step again", Asks.NOTHING, _for_step(_retry)),
    Action(
        "waive",
        "w",
        "w",
        "Waive check",
        "Let the step start without the check that holds it",
        Asks.REASON,
        _for_step(_waive),
    ),
    Action(
        "roll_back",
        "b",
        "b",
        "Roll back",
        "Take back what this run did; shows first what that means",
        Asks.TARGET,
        _roll_back,
    ),
    Action(
        "other_way",
        "o",
        "o",
        "Other way",
        "Take the runbook's other way in the place of an undo that failed; shows first what that means",
        Asks.TARGET,
        _for_step(_other_way),
    ),
    Action(
        "cancel",
        "c",
        "c",
        "Cancel",
        "Stop what is running: TERM, a grace, then KILL",
        Asks.CONFIRMATION,
        _cancel,
    ),
    Action(
        "close_trigger",
        "x",
        "x",
        "Close trigger",
        "Close a rollback trigger without rolling back",
        Asks.REASON,
        _close_trigger,
    ),
    Action(
        "keep_release",
        "K",
        "K",
        "Release stays",
        "Confirm that the release stays, so that nothing is rolled back by itself",
        Asks.REASON,
        _keep_release,
    ),
    Action(
        "extend",
        "e",
        "e",
        "Extend deadline",
        "Give the earliest deadline more time",
        Asks.MINUTES,
        _extend,
    ),
    Action(
        "stretch",
        "plus",
        "+",
        "Stretch watch",
        "Watch for longer; a watch is never shortened",
        Asks.MORE_MINUTES,
        _stretch,
    ),
    Action(
        "skip",
        "s",
        "s",
        "Skip",
        "Leave the step out",
        Asks.REASON,
        _for_step(lambda step, state, text: c.SkipStep(step=step.key, reason=text)),
    ),
    Action(
        "mark_done",
        "d",
        "d",
        "Mark done",
        "Say that the step was done by other means",
        Asks.REASON,
        _for_step(lambda step, state, text: c.MarkDone(step=step.key, reason=text)),
    ),
    Action(
        "hand_over",
        "h",
        "h",
        "Hand over",
        "Give the run to the one who asked for it",
        Asks.CONFIRMATION,
        lambda state, text: c.GrantControl(
            to=state.control_requested_by.session if state.control_requested_by else None
        ),
    ),
    Action(
        "request",
        "t",
        "t",
        "Ask to drive",
        "Ask the operator to hand over",
        Asks.NOTHING,
        lambda state, text: c.RequestControl(),
    ),
    Action(
        "take_over",
        "T",
        "T",
        "Take over",
        "Become the operator without being handed the run",
        Asks.REASON,
        lambda state, text: c.TakeControl(reason=text),
    ),
    Action(
        "note",
        "N",
        "N",
        "Note",
        "Write something into the journal",
        Asks.REASON,
        lambda state, text: c.AddNote(text=text),
    ),
    Action(
        "trouble",
        "u",
        "u",
        "Users report",
        "Pass on what users report; it opens a deadline, and a watcher may, too",
        Asks.WORDS,
        lambda state, text: c.ReportTrouble(text=text),
    ),
    Action(
        "abort",
        "a",
        "a",
        "Abort",
        "End the run as it stands; nothing is taken back",
        Asks.REASON,
        lambda state, text: c.AbortRun(reason=text),
    ),
)
BY_NAME = {action.name: action for action in ACTIONS}
_URGENT = ("roll_back", "keep_release", "retry", "other_way", "close_trigger", "extend", "cancel")
_WATCHING = ("trouble", "stretch", "skip")
FOR_WATCHERS = (c.AddNote, c.ReportTrouble)


def why_blocked(action: Action, state: RunState, actor: Actor, *, may_act: bool = True) -> str | None:
    """Why an action is not open now, before anything is asked for; `None` where it is open."""
    texts = {
        Asks.TARGET: state.plan.target.name,
        Asks.MINUTES: ANY_MINUTES,
        Asks.MORE_MINUTES: ANY_MINUTES,
    }
    text = texts.get(action.asks, ANY_TEXT)
    command = action.make(state, text)
    if isinstance(command, str):
        return clean_line(command)
    if not may_act and not isinstance(command, FOR_WATCHERS):
        return "This screen only watches. `handrail attach` can act."
    why = why_not(state, command, actor)
    return clean_line(why) if why else None


def open_actions(state: RunState, actor: Actor, *, may_act: bool = True) -> tuple[Action, ...]:
    """The actions that are open now, the ones most wanted first."""
    found = [
        a
        for a in ACTIONS
        if not (a.name == "retry" and _is_held(state))
        and why_blocked(a, state, actor, may_act=may_act) is None
    ]
    first = _URGENT if state.open_triggers else _WATCHING if state.waiting_step is not None else ()
    found.sort(key=lambda a: first.index(a.name) if a.name in first else len(first))
    return tuple(found)


def _is_held(state: RunState) -> bool:
    """Running a held step again checks its gate again; one key for it is enough."""
    return state.current is not None and state.current.status is StepStatus.HELD


def label(action: Action, state: RunState) -> str:
    """The action's label in this state."""
    doubtful = state.current is not None and state.current.status is StepStatus.IN_DOUBT
    if action.name == "run" and _is_held(state):
        return "Check again"
    if action.name == "other_way" and state.current and (other := state.current.planned.otherwise):
        return f"{clean_line(other.title)} instead"
    if action.name == "yes":
        return "It was done" if doubtful else "Yes, it holds"
    if action.name == "no":
        return "It was not done" if doubtful else "No, it doesn't"
    return action.label
