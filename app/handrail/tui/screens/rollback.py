"""Before a rollback: what it does, in which order, how long it takes, and what it can't bring back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input

from handrail.run.commands import RollBack
from handrail.text import clean_line
from handrail.tui.desk import CommandDesk
from handrail.tui.presenters.header import target_parts
from handrail.tui.presenters.line import Tone, line
from handrail.tui.presenters.rollback import rollback_lines, rollback_time
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

    def __init__(self, desk: CommandDesk) -> None:
        super().__init__()
        self._desk = desk

    def compose(self) -> ComposeResult:
        """The target, the time, the list, and the field for the name."""
        yield Lines(id="rollback-title")
        yield Lines(id="rollback-time")
        with VerticalScroll(id="rollback-list", can_focus=False):
            yield Lines(id="rollback-lines")
        yield Lines(id="rollback-ask")
        yield Input(id="rollback-name", max_length=200, compact=True)
        yield Lines(id="rollback-error")
        yield Lines(id="rollback-keys")

    def on_mount(self) -> None:
        """Fill in the words, and keep the time right."""
        name = clean_line(self._desk.session.state.plan.target.name)
        self.query_one("#rollback-ask", Lines).show(line("Type ", (name, Tone.STRONG), " to roll back:"))
        self.query_one("#rollback-keys", Lines).show(
            line(
                ("enter", Tone.KEY),
                " Roll back  ",
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
            *target_parts(state.plan.target), ("  Roll back: ", Tone.STRONG), clean_line(state.plan.title)
        )
        self.query_one("#rollback-title", Lines).show(title)
        self.query_one("#rollback-time", Lines).show(rollback_time(state, session.clock.now()))
        if state.rollback_started is None:
            self.query_one("#rollback-lines", Lines).show(*rollback_lines(state), layout=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask the engine to roll back, if the name is right."""
        why = self._desk.send(RollBack(confirm=event.value.strip()), self._answered)
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
