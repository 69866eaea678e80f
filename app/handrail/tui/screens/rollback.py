"""Before a rollback, or another way in it: what it does, in which order, how long, and what stays lost."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input

from handrail.run.commands import OperatorCommand, RollBack, TakeOtherWay
from handrail.run.state import RunState
from handrail.text import clean_line
from handrail.tui.desk import CommandDesk
from handrail.tui.presenters.header import target_parts
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.rollback import (
    other_way_lines,
    other_way_time,
    rollback_lines,
    rollback_time,
)
from handrail.tui.widgets.field import Field
from handrail.tui.widgets.lines import Lines


class RollbackScreen(Screen[None]):
    """Nothing happens here before the target's name was typed."""

    CSS_PATH = "rollback.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(8)", "Page down", show=False),
        Binding("pageup", "scroll(-8)", "Page up", show=False),
    ]

    VERB = KEY_WORDS = "Roll back"

    def __init__(self, desk: CommandDesk) -> None:
        super().__init__()
        self._desk = desk

    def _command(self, confirm: str) -> OperatorCommand:
        return RollBack(confirm=confirm)

    def _is_ahead(self, state: RunState) -> bool:
        """Whether what was asked about is still to be decided."""
        return state.rollback_started is None

    def _lines(self, state: RunState) -> tuple[Line, ...]:
        return rollback_lines(state)

    def _time(self, state: RunState) -> Line:
        return rollback_time(state, self._desk.session.clock.now())

    def compose(self) -> ComposeResult:
        """The target, the time, the list, and the field for the name."""
        yield Lines(id="rollback-title")
        yield Lines(id="rollback-time")
        with VerticalScroll(id="rollback-list", can_focus=False):
            yield Lines(id="rollback-lines")
        yield Lines(id="rollback-ask")
        yield Field(id="rollback-name", max_length=200, compact=True)
        yield Lines(id="rollback-error")
        yield Lines(id="rollback-keys")

    def _subject(self, state: RunState) -> str:
        return clean_line(state.plan.title)

    def on_mount(self) -> None:
        """Fill in the words, and keep the time right."""
        name = clean_line(self._desk.session.state.plan.target.name)
        self.query_one("#rollback-ask", Lines).show(
            line("Type ", (name, Tone.STRONG), f" to {self.VERB.lower()}:")
        )
        self.query_one("#rollback-keys", Lines).show(
            line(
                ("enter", Tone.KEY),
                f" {self.KEY_WORDS}  ",
                ("↓ ↑", Tone.KEY),
                " Scroll  ",
                ("esc", Tone.KEY),
                " Back",
            )
        )
        self._show()
        self.set_interval(0.5, self._show)
        self.query_one(Input).focus()

    def _show(self) -> None:
        session = self._desk.session
        state = session.state
        title = line(
            *target_parts(state.plan.target), (f"  {self.VERB}: ", Tone.STRONG), self._subject(state)
        )
        self.query_one("#rollback-title", Lines).show(title)
        if self._is_ahead(state):
            self.query_one("#rollback-time", Lines).show(self._time(state))
            self.query_one("#rollback-lines", Lines).show(*self._lines(state), layout=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask the engine to roll back, if the name is right."""
        why = self._desk.send(self._command(event.value.strip()), self._answered)
        self._say(why or "Sent, waiting for the engine…", Tone.BAD if why else Tone.QUIET)

    def _answered(self, reason: str) -> None:
        if reason:
            self._say(reason, Tone.BAD)
        elif self.is_current:
            self.dismiss()

    def _say(self, text: str, tone: Tone) -> None:
        if self.is_attached:
            self.query_one("#rollback-error", Lines).show(line((clean_line(text), tone)), layout=True)

    def action_scroll(self, lines: int) -> None:
        """Scroll the list while the field keeps the keys."""
        self.query_one("#rollback-list", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Go back; nothing is done."""
        self.dismiss()


class OtherWayScreen(RollbackScreen):
    """The same before another way is taken in the place of an undo that failed."""

    VERB = "Take the other way"
    KEY_WORDS = "Take it"

    def __init__(self, desk: CommandDesk) -> None:
        super().__init__(desk)
        current = desk.session.state.current
        self._step = current.key if current else ""

    def _command(self, confirm: str) -> OperatorCommand:
        return TakeOtherWay(step=self._step, confirm=confirm)

    def _is_ahead(self, state: RunState) -> bool:
        return state.current is not None and state.current.key == self._step

    def _lines(self, state: RunState) -> tuple[Line, ...]:
        return other_way_lines(state)

    def _time(self, state: RunState) -> Line:
        return other_way_time(state, self._desk.session.clock.now())

    def _subject(self, state: RunState) -> str:
        step = state.steps.get(self._step)
        return clean_line(step.planned.otherwise.title) if step and step.planned.otherwise else ""
