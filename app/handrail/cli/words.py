"""What an operator may type in plain mode: a line and the run's state, in; a command or a request, out.

Pure, and strict: a line that is not understood never runs anything.
"""

from __future__ import annotations

from msgspec import Struct

from handrail.run import commands as c
from handrail.run.commands import OperatorCommand
from handrail.run.more_time import read_more_time
from handrail.run.on_deadline import to_keep
from handrail.run.rules import why_not
from handrail.run.state import RunState, StepState, StepStatus
from handrail.runbook.model import StepKind

DEFAULT_LOG_LINES = 20
ANY_REASON = "because"


class Send(Struct, frozen=True):
    """Give this command to the engine."""

    command: OperatorCommand


class Show(Struct, frozen=True):
    """Print something: status, signals, plan, log, help or undo."""

    what: str
    lines: int = DEFAULT_LOG_LINES


class Detach(Struct, frozen=True):
    """Leave the run as it is; it goes on."""


class Wait(Struct, frozen=True):
    """Read no further line until nothing runs: for lines that come from a file."""


class NotUnderstood(Struct, frozen=True):
    """Nothing is done; `why` is for the one who typed it."""

    why: str


Meaning = Send | Show | Detach | Wait | NotUnderstood

HELP = """\
run, or an empty line    run the next step (its gate first)
yes [NOTE], no [NOTE]    say that an attestation holds, or does not
retry                    try a failed or held step again
skip REASON              leave the step out
done REASON              the step was done by other means; or, in doubt: it was done
notdone REASON           in doubt: it was not done
cancel                   stop what is running: TERM, a grace, KILL
waive CHECK REASON       start the step without this check of its gate
rollback TARGETNAME      undo what this run did; `undo` shows it first
otherwise TARGETNAME     an undo failed: take the runbook's other way in its place
close REASON             close the rollback trigger without rolling back
trouble TEXT             pass on what users report; it opens a deadline, and a watcher may, too
extend MINUTES REASON    give the earliest deadline more time
keep REASON              the release stays: nothing is rolled back by itself
stretch MINUTES [REASON] watch for longer; only `skip REASON`, a waiver, cuts a watch
abort REASON             end the run as it stands; nothing is taken back
note TEXT                write something into the journal
takeover REASON          drive this run from here
status, signals, plan, log [N], undo, help
wait                     read no further line until nothing runs, and a watch has ended or found trouble
detach                   leave; the run goes on"""

_REASONED = frozenset({"skip", "done", "notdone", "close", "abort", "takeover", "note", "trouble", "keep"})
_OF_A_STEP = frozenset({"retry", "skip", "done", "notdone", "waive", "otherwise", "yes", "y", "no"})
_ALONE = frozenset(
    {"retry", "cancel", "wait", "detach", "quit", "exit", "status", "signals", "plan", "help", "?", "undo"}
)


def understand(line: str, state: RunState, *, offered: str | None) -> Meaning:
    """What a typed line means now. `offered` is the step that the last prompt offered to run.

    An empty line runs that very step and no other, so that a line typed too late can't run the next one.
    """
    word, _, rest = line.strip().partition(" ")
    word, rest = word.lower(), rest.strip()
    current = state.current
    if word in ("", "run", "next"):
        return _run(word, rest, current, offered)
    if word in _REASONED and not rest:
        return NotUnderstood(f"Say why: `{word} REASON`. Nothing was done.")
    if word in _ALONE and rest:
        return NotUnderstood(f"`{word}` takes nothing after it; nothing was done.")
    if word in _OF_A_STEP:
        if current is None:
            return NotUnderstood("No step is left to do that to; nothing was done.")
        return _of_step(word, rest, current)
    if word in ("status", "signals", "plan", "help", "undo", "?", "log"):
        return _log(rest) if word == "log" else Show("help" if word == "?" else word)
    if word in ("detach", "quit", "exit"):
        return Detach()
    return Wait() if word == "wait" else _of_run(word, rest, state)


def _of_step(word: str, rest: str, step: StepState) -> Meaning:
    doubtful = step.status is StepStatus.IN_DOUBT
    match word:
        case "otherwise":
            return Send(c.TakeOtherWay(step=step.key, confirm=rest))
        case "retry":
            return Send(c.RetryStep(step=step.key, after_attempt=step.attempts[-1] if step.attempts else 0))
        case "skip":
            return Send(c.SkipStep(step=step.key, reason=rest))
        case "done" if not doubtful:
            return Send(c.MarkDone(step=step.key, reason=rest))
        case "done" | "notdone":
            return Send(c.ResolveDoubt(step=step.key, done=word == "done", reason=rest))
        case "waive":
            check, _, reason = rest.partition(" ")
            if not reason.strip():
                return NotUnderstood("Say which and why: `waive CHECK REASON`. Nothing was done.")
            return Send(c.WaiveCheck(step=step.key, check=check, reason=reason.strip()))
    if step.planned.kind is not StepKind.ATTEST:
        return NotUnderstood("There is nothing to attest now; nothing was done.")
    return Send(c.Attest(step=step.key, holds=word != "no", note=rest))


def _of_run(word: str, rest: str, state: RunState) -> Meaning:
    match word:
        case "cancel":
            if state.running is None and state.waiting_step is not None:
                said = (
                    "`stretch MINUTES`, or `skip REASON`, a waiver" if state.watch.is_on else "`skip REASON`"
                )
                return NotUnderstood(f"{state.waiting_step.planned.title} is not cancelled: {said}.")
            if (running := state.running) is None:
                return NotUnderstood("Nothing is running that could be cancelled.")
            return Send(c.CancelStep(attempt=running.number))
        case "rollback":
            return Send(c.RollBack(confirm=rest))
        case "close":
            return _close(rest, state)
        case "trouble":
            return Send(c.ReportTrouble(text=rest))
        case "extend":
            return _extend(rest, state)
        case "keep":
            return _keep(rest, state)
        case "stretch":
            return _stretch(rest, state)
        case "abort":
            return Send(c.AbortRun(reason=rest))
        case "note":
            return Send(c.AddNote(text=rest))
        case "takeover":
            return Send(c.TakeControl(reason=rest))
    return NotUnderstood(f"{word[:40]!r} is not understood; nothing was done. `help` lists the words.")


def _run(word: str, rest: str, current: StepState | None, offered: str | None) -> Meaning:
    if rest:
        return NotUnderstood("`run` takes nothing after it; nothing was done.")
    if current is None:
        return NotUnderstood("No step is left to run.")
    if word == "" and current.key != offered:
        return NotUnderstood("")
    return Send(c.StartStep(step=current.key))


def _close(reason: str, state: RunState) -> Meaning:
    if not state.open_triggers:
        return NotUnderstood("No rollback trigger is open.")
    return Send(c.CloseTrigger(trigger=state.open_triggers[0].number, reason=reason))


def _extend(rest: str, state: RunState) -> Meaning:
    if not state.open_triggers:
        return NotUnderstood("No rollback trigger is open: there is no deadline to extend.")
    asked = read_more_time(rest, needs_reason=True)
    if isinstance(asked, str):
        return NotUnderstood(f"{asked} Nothing was done.")
    first = state.open_triggers[0].number
    return Send(c.ExtendDeadline(trigger=first, seconds=asked.seconds, reason=asked.reason))


def _keep(reason: str, state: RunState) -> Meaning:
    if (trigger := to_keep(state)) is None:
        return NotUnderstood("No rollback trigger is open: nothing is rolled back by itself.")
    return Send(c.KeepRelease(trigger=trigger.number, reason=reason))


def _stretch(rest: str, state: RunState) -> Meaning:
    if not state.watch.is_on or state.watch.step is None:
        return NotUnderstood("No watch is on that could be stretched.")
    asked = read_more_time(rest, needs_reason=False)
    if isinstance(asked, str):
        return NotUnderstood(f"{asked} Nothing was done.")
    return Send(c.StretchWatch(step=state.watch.step, seconds=asked.seconds, reason=asked.reason))


def _log(rest: str) -> Meaning:
    if not rest:
        return Show("log")
    if rest.isdecimal() and 0 < int(rest) <= 10_000:
        return Show("log", int(rest))
    return NotUnderstood("`log N` shows the last N lines, 1 to 10000.")


def allowed(state: RunState, *, is_operator: bool) -> str:
    """What may be typed now, on one line."""
    if not is_operator:
        return "note TEXT, trouble TEXT, takeover REASON, status, signals, log, detach"
    step = state.current
    words: list[str] = []
    if state.running is not None:
        words = ["cancel"]
    elif step is not None and step is state.waiting_step:
        words = ["stretch MINUTES [REASON]", "skip REASON"] if state.watch.is_on else ["skip REASON"]
        words.append("signals")
    elif step is not None and step.status is StepStatus.IN_DOUBT:
        words = ["done REASON", "notdone REASON"]
    elif step is not None and step.status is StepStatus.FAILED:
        words = ["no NOTE", "yes NOTE"] if step.planned.kind is StepKind.ATTEST else ["retry"]
        words += ["skip REASON", "done REASON"]
    elif step is not None and step.status is StepStatus.HELD:
        words = ["retry", "waive CHECK REASON", "skip REASON", "done REASON"]
    elif step is not None and step.planned.kind is StepKind.ATTEST:
        words = ["yes [NOTE]", "no NOTE", "skip REASON"]
    elif step is not None:
        words = ["run (or an empty line)", "skip REASON"]
    if step is not None and other_way_is_open(state):
        words.insert(1, f"otherwise {state.plan.target.name}")
    if step is not None:
        words = [word for word in words if not _refused(state, step, word)]
    return ", ".join([*words, *_of_the_run(state), "help"])


def _of_the_run(state: RunState) -> list[str]:
    """What may be typed now whatever the step: about triggers, a watch, and the way back."""
    words: list[str] = []
    going_forward = state.rollback_started is None
    if state.open_triggers and going_forward:
        words.append("close REASON")
        if (trigger := to_keep(state)) is not None and trigger.rolls_back_at is not None and not trigger.kept:
            words.append("keep REASON")
    if state.open_triggers:
        words.append("extend MINUTES REASON")
    if state.watch.is_on and going_forward:
        words.append("trouble TEXT")
    can_undo = going_forward and any(step.may_have_acted for step in state.forward_steps)
    if can_undo and state.running is None:
        words.append(f"rollback {state.plan.target.name}")
    return words


def other_way_is_open(state: RunState) -> bool:
    """Whether the step that is next is an undo that failed, in whose place another way may be taken."""
    if state.current is None:
        return False
    command = c.TakeOtherWay(step=state.current.key, confirm=state.plan.target.name)
    return why_not(state, command, state.operator) is None


def _refused(state: RunState, step: StepState, word: str) -> bool:
    """Whether the rules would refuse this whatever its reason: it isn't offered then."""
    doubtful = step.status is StepStatus.IN_DOUBT
    done = c.ResolveDoubt(step=step.key, done=True, reason=ANY_REASON)
    commands: dict[str, list[OperatorCommand]] = {
        "skip REASON": [c.SkipStep(step=step.key, reason=ANY_REASON)],
        "done REASON": [done if doubtful else c.MarkDone(step=step.key, reason=ANY_REASON)],
        "waive CHECK REASON": [
            c.WaiveCheck(step=step.key, check=gate.check, reason=ANY_REASON) for gate in step.planned.gate
        ],
    }
    asked = commands.get(word, [])
    return bool(asked) and all(why_not(state, command, state.operator) for command in asked)
