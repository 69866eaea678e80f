"""The run by lines on standard input and output, where no screen can be: `handrail run --plain`."""

from __future__ import annotations

import os
import select
import time
from datetime import timedelta
from typing import Protocol

from handrail.cli.exits import exit_code_of
from handrail.cli.following import POLL_SECONDS, Following
from handrail.cli.window import run_window
from handrail.cli.words import (
    HELP,
    Detach,
    NotUnderstood,
    Send,
    Show,
    Wait,
    allowed,
    other_way_is_open,
    understand,
)
from handrail.errors import ExitCode, StorageFault
from handrail.reports.signals import signal_lines
from handrail.reports.summary import plan_lines, status_lines, undo_lines
from handrail.run.commands import OperatorCommand
from handrail.run.state import RunState, StepState, StepStatus
from handrail.runbook.model import StepKind
from handrail.text import duration

LONGEST_INPUT_LINE = 16 * 1024


class Lines(Protocol):
    """Where the operator's lines come from."""

    @property
    def ended(self) -> bool:
        """Whether no line will come any more, and none is left."""
        ...

    def next(self, seconds: float) -> str | None:
        """The next line, waiting at most so long for it."""
        ...

    def pause(self, seconds: float) -> None:
        """Let this time pass without reading."""
        ...


def _is_under_way(state: RunState) -> bool:
    """Whether there is something to wait for: a watch that has found trouble goes on until somebody acts."""
    return state.running is not None or (state.waiting_step is not None and not state.open_triggers)


class DescriptorLines:
    """Lines from a file descriptor, a terminal or a pipe; a closed one has ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether no line will come any more, and none is left."""
        return self._closed and not self._buffer

    def next(self, seconds: float) -> str | None:
        """The next line, waiting at most so long for it."""
        if b"\n" not in self._buffer and not self._closed:
            self._read(seconds)
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline and not self._closed and len(self._buffer) <= LONGEST_INPUT_LINE:
            return None
        if not line and not newline:
            return None
        self._buffer = rest
        return line.decode("utf-8", errors="replace")

    def _read(self, seconds: float) -> None:
        try:
            ready, _, _ = select.select([self._descriptor], [], [], seconds)
            added = os.read(self._descriptor, 4096) if ready else None
        except (OSError, ValueError):
            # A terminal that hung up, or a descriptor that was never open: nobody will say any more.
            added = b""
        if added == b"":
            self._closed = True
        self._buffer += added or b""

    def pause(self, seconds: float) -> None:
        """Let this time pass without reading."""
        time.sleep(seconds)


class PlainScreen:
    """Tells the run, prompts with what may be done now, and obeys lines until the end or a detachment."""

    def __init__(self, following: Following, lines: Lines, *, attach_command: str) -> None:
        self._following = following
        self._session = following.session
        self._narrator = following.narrator
        self._lines = lines
        self._attach_command = attach_command
        self._prompted = ""
        self._offered: str | None = None
        self._waiting = False

    def drive(self) -> ExitCode:
        """Until the run is closed, or the operator leaves it."""
        self._narrator.greet()
        self._narrator.say_all(run_window(self._session.state, self._session.clock.now()))
        try:
            while (code := self._once()) is None:
                pass
        except KeyboardInterrupt:
            return self._detach("Interrupted: ")
        return code

    def _once(self) -> ExitCode | None:
        self._following.catch_up()
        state = self._session.state
        if not state.phase.is_open:
            self._narrator.follow_log(ended=True)
            return exit_code_of(state)
        busy = self._session.waits_for_answer or (self._waiting and _is_under_way(state))
        if busy:
            # One line at a time: what is typed next is judged by what this one leads to.
            self._lines.pause(POLL_SECONDS)
            return None
        self._waiting = False
        self._prompt()
        line = self._lines.next(POLL_SECONDS)
        if line is not None:
            return self._obey(line)
        return self._detach("") if self._lines.ended else None

    def _prompt(self) -> None:
        state = self._session.state
        step = state.current
        self._offered = step.key if step is not None and self._may_run(step) else None
        lines = []
        if step is not None:
            verb = "Now" if state.running is not None or step is state.waiting_step else "Next"
            lines.append(f"{verb}: {step.planned.title} ({step.key}, {step.status.value})")
            if step.status is StepStatus.IN_DOUBT:
                lines.append(f"  {step.doubt}")
                if step.probe_evidence:
                    lines.append(f"  The probe says {step.probe_evidence}")
            if step.planned.statement and state.running is None:
                by = " (someone else than the operator)" if step.planned.by == "someone-else" else ""
                lines.append(f"  Say whether it holds{by}: {step.planned.statement}")
            if step.planned.otherwise is not None and other_way_is_open(state):
                other, target = step.planned.otherwise.title, state.plan.target.name
                lines.append(f"  Or another way, by `otherwise {target}`: {other}")
            if state.running is None and (usual := state.plan.usual.get(step.key)) is not None:
                took = duration(timedelta(seconds=usual.median))
                how = "rehearsed" if usual.rehearsed else "measured"
                lines.append(f"  It usually takes {took} ({how} {usual.count} times)")
        lines.append(f"> {allowed(state, is_operator=self._session.is_operator)}")
        text = "\n".join(lines)
        if text != self._prompted:
            self._prompted = text
            self._narrator.say_all(lines)

    def _may_run(self, step: StepState) -> bool:
        state = self._session.state
        pending = step.status is StepStatus.PENDING and step.planned.kind is not StepKind.ATTEST
        return pending and state.running is None and self._session.is_operator

    def _obey(self, line: str) -> ExitCode | None:
        state = self._session.state
        match understand(line, state, offered=self._offered):
            case Send(command):
                if (why := self._session.why_not(command)) is not None:
                    self._narrator.say(f"Refused: {why}")
                else:
                    self._send(command)
            case Show(what, lines):
                self._narrator.say_all(self._shown(what, lines))
            case Detach():
                return self._detach("")
            case Wait():
                self._waiting = True
            case NotUnderstood(why):
                self._prompted = ""
                if why:
                    self._narrator.say(why)
        return None

    def _send(self, command: OperatorCommand) -> None:
        try:
            self._session.send(command)
        except StorageFault as fault:
            # The operator stays: the run is theirs, and the disk is perhaps mended in the next window.
            self._narrator.say_all(fault.lines())
            self._narrator.say("Not done. Once that is mended, type it again.")
        self._prompted = ""

    def _shown(self, what: str, lines: int) -> list[str]:
        state = self._session.state
        match what:
            case "help":
                return HELP.splitlines()
            case "plan":
                return plan_lines(state.plan, {})
            case "signals":
                return signal_lines(state)
            case "undo":
                return undo_lines(state)
            case "log":
                attempt = state.running or next(reversed(state.attempts.values()), None)
                return self._narrator.last_log_lines(attempt, lines)
        now = self._session.clock.now()
        return [*status_lines(state, now), *run_window(state, now)]

    def _detach(self, because: str) -> ExitCode:
        self._narrator.say(f"{because}detached. The run goes on; come back with: {self._attach_command}")
        return exit_code_of(self._session.state)
