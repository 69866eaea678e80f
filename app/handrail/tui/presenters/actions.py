"""What can be done, on which key, and why it can't be done now: one table for keys, help and palette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from handrail.run import commands as c
from handrail.run.actors import Actor
from handrail.run.commands import OperatorCommand
from handrail.run.rules import foreign_events, why_not
from handrail.run.state import RunState, StepState, StepStatus
from handrail.text import clean_line
from handrail.tui.presenters.line import Line, Part, Tone, line

ANY_TEXT = "because"
NARROW = 60


class Asks(StrEnum):
    """What an action asks for before it is sent; none that changes much goes on one key."""

    NOTHING = "nothing"
    CONFIRMATION = "confirmation"
    REMARK = "an optional remark"
    REASON = "a reason"
    TARGET = "the target's name"


Make = Callable[[RunState, str], OperatorCommand | str]


@dataclass(frozen=True, slots=True)
class Action:
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
            return "Every step is done; only the open trigger is left: roll back (b) or close it (x)."
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
_URGENT = ("roll_back", "retry", "other_way", "close_trigger", "cancel")


def why_blocked(action: Action, state: RunState, actor: Actor, *, may_act: bool = True) -> str | None:
    """Why an action is not open now, before anything is asked for; `None` where it is open."""
    text = state.plan.target.name if action.asks is Asks.TARGET else ANY_TEXT
    command = action.make(state, text)
    if isinstance(command, str):
        return clean_line(command)
    if not may_act and not isinstance(command, c.AddNote):
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
    if state.open_triggers:
        found.sort(key=lambda a: _URGENT.index(a.name) if a.name in _URGENT else len(_URGENT))
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


def key_lines(state: RunState, actor: Actor, width: int, *, may_act: bool = True) -> tuple[Line, ...]:
    """The keys that do something now, as many as fit (two lines on a narrow screen); `?` is always there."""
    leave = " Detach  " if state.phase.is_open else " Leave  "
    ending = line(("q", Tone.KEY), leave, ("?", Tone.KEY), " Keys")
    ending_width = sum(len(text) for text, _ in ending)
    rooms = [width - 1, width - 1 - ending_width] if width < NARROW else [width - 1 - ending_width]
    rows: list[list[Part]] = [[] for _ in rooms]
    for action in open_actions(state, actor, may_act=may_act):
        # Where its own words are too long, such as a runbook's title, an action is offered by its short ones.
        for words in (f" {label(action, state)}  ", f" {action.label}  "):
            length = len(action.shown_key) + len(words)
            fitting = next((n for n, room in enumerate(rooms) if length <= room), None)
            if fitting is not None:
                rooms[fitting] -= length
                rows[fitting] += ((action.shown_key, Tone.KEY), (words, Tone.PLAIN))
                break
    rows[-1] += ending
    return tuple(line(" ", *row) for row in rows)


def question(action: Action, state: RunState) -> tuple[str, ...]:
    """What a prompt says before it asks: what will happen, to what."""
    step = state.current
    title = step.planned.title if step else ""
    words = {
        "yes": f"You say that this holds: {step.planned.statement or title}" if step else "",
        "no": f"You say that this does not hold: {step.planned.statement or title}" if step else "",
        "waive": f"{title} starts without the check {held_check(step) if step else ''}.",
        "skip": f"{title} is left out of this run.",
        "mark_done": f"{title} counts as done, without being run here.",
        "abort": "The run ends as it stands. Nothing is taken back, and the lock is released.",
        "note": "It will stand in the run's journal, with your name.",
        "take_over": f"{state.operator.name} drives this run now, and becomes a watcher.",
        "close_trigger": (
            f"No rollback for: {state.open_triggers[0].because}" if state.open_triggers else ""
        ),
        "hand_over": (
            f"{state.control_requested_by.name} will drive, and you will watch."
            if state.control_requested_by
            else ""
        ),
        "cancel": _cancel_words(state),
    }
    if step is not None and step.status is StepStatus.IN_DOUBT and action.name in ("yes", "no"):
        seen = step.probe_evidence or "no probe looked; look yourself before you answer"
        outcome = "was done" if action.name == "yes" else "was not done"
        return tuple(clean_line(text) for text in (f"You say that {title} {outcome}.", f"Seen: {seen}"))
    return (clean_line(words.get(action.name, action.help)),)


def _cancel_words(state: RunState) -> str:
    running = state.running
    if running is None:
        return "Nothing is running."
    title = state.steps[running.step].planned.title if running.step in state.steps else running.call.task
    return f"{title} gets TERM, then KILL after a grace. What it did until then stays done."


def needs_text(action: Action, state: RunState) -> bool:
    """Whether the prompt's text may not be left empty."""
    if action.asks is Asks.REMARK:
        return state.current is not None and state.current.status is StepStatus.IN_DOUBT
    return action.asks is Asks.REASON
