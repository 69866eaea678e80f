"""The monitor's page: the countdown, how far the watch is, every signal, and one of them in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.reports.signals import SignalSeen
from handrail.run.state import RunState
from handrail.tui.desk import CommandDesk
from handrail.tui.presenters.actions import BY_NAME, OWN_KEYS, label
from handrail.tui.presenters.chart import large_chart
from handrail.tui.presenters.countdown import countdown_notes, countdown_view
from handrail.tui.presenters.header import header_lines
from handrail.tui.presenters.help import monitor_help
from handrail.tui.presenters.keys import NARROW, ON_THE_MONITOR, monitor_key_lines
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.monitor import (
    heading_line,
    signal_rows,
    signal_title,
    signal_words,
    standing_line,
)
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.watched import Watched
from handrail.tui.widgets.countdown_panel import CountdownPanel
from handrail.tui.widgets.lines import Lines
from handrail.tui.widgets.signal_list import SignalList

NOTICE_FOR = timedelta(seconds=20)
WORD_ROWS, FEW_WORD_ROWS = 5, 4


class MonitorScreen(Screen[None]):
    """Shows what the engine samples and judges. It follows nothing itself: the run's screen below it does.

    `act` does one of the run's actions, and says through its second argument why it can't be done now.
    """

    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = ["run.tcss", "monitor.tcss"]
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012  Textual declares it so
        (0, "-narrow"),
        (60, "-normal"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-short"), (20, "-tall")]  # noqa: RUF012  Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=False),
        Binding("q", "back", "Back", show=False, id="leave"),
        Binding("m", "back", "Back", show=False, id="monitor"),
        Binding("question_mark", "help", "Keys", show=False, id="help"),
        *(
            Binding(",".join((action.key, *action.also)), f"act('{name}')", action.label, show=False, id=name)
            for name, action in BY_NAME.items()
            if name in ON_THE_MONITOR
        ),
    ]

    def __init__(
        self,
        desk: CommandDesk,
        watched: Watched,
        act: Callable[[str, Callable[[Line], None]], None],
        keys: Keys = OWN_KEYS,
    ) -> None:
        super().__init__()
        self._is_composed = False
        self._keys = keys
        self._desk = desk
        self._watched = watched
        self._act = act
        self._notice_until: Instant | None = None
        self._charted: object = None

    def compose(self) -> ComposeResult:
        """From top to bottom: where one is, how long there is, the table, one signal, the keys."""
        yield Lines(id="header")
        yield Lines(id="running")
        yield CountdownPanel(id="countdown")
        yield Lines(id="standing")
        yield Lines(id="signals-heading")
        yield SignalList(id="signals")
        with Vertical(id="signal-pane"):
            yield Lines(id="signal-title", classes="pane-title")
            yield Lines(id="signal-words")
            yield Lines(id="signal-chart")
        yield Lines(id="notice")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """Begin with the first signal."""
        self._is_composed = True
        self.query_one(SignalList).focus()
        self.query_one(CountdownPanel).display = False
        # Its row belongs to the charts as long as there is nothing to say.
        self.query_one("#notice", Lines).display = False
        self.show_watch()

    def on_resize(self) -> None:
        """Fit everything to the new size."""
        self.call_after_refresh(self.show_watch)

    def on_screen_resume(self) -> None:
        """Bring what changed below another screen into view."""
        self.show_watch()

    def show_watch(self) -> None:
        """Bring every part up to the present state; each repaints only what has changed."""
        if not self._is_composed:
            return  # the run's screen, which tells of each second, goes on while this one comes up
        session = self._desk.session
        state, now, width = session.state, session.clock.now(), self.size.width
        actor, may_act = session.actor, self._desk.may_act
        *header, running = header_lines(state, actor, now, width, may_act=may_act, keys=self._keys)
        self.query_one("#header", Lines).show(*header)
        # A watch under way says how far it is in the line above the table.
        watching = state.waiting_step is not None and state.running is None
        self.query_one("#running", Lines).display = not watching
        self.query_one("#running", Lines).show(running)
        view = countdown_view(state, now)
        notes = countdown_notes(state, now, width, self._note_rows, on_monitor=True, keys=self._keys)
        self.query_one(CountdownPanel).show(view, notes, narrow=width < NARROW)
        self.set_class(view is not None, "-counting")
        self.set_class(state.rollback_started is not None, "-rolling")
        self.query_one("#standing", Lines).show(standing_line(state, width))
        table = self._watched.table(state)
        chart = (state.watch, width)
        if chart != self._charted:
            self._charted = chart
            self.query_one(SignalList).show(signal_rows(state, table, width))
        self._show_heading(state)
        self._show_signal(state, table)
        keys = monitor_key_lines(state, actor, width, may_act=may_act, keys=self._keys)
        self.query_one("#keys", Lines).show(*keys)
        if self._notice_until is not None and now.since(self._notice_until) > timedelta():
            self._notice_until = None
            self.query_one("#notice", Lines).display = False

    def _show_heading(self, state: RunState) -> None:
        hidden = self.query_one(SignalList).out_of_view()
        self.query_one("#signals-heading", Lines).show(heading_line(state, self.size.width, hidden))

    @property
    def _note_rows(self) -> int:
        height = self.size.height
        return 2 if height < 20 else 4 if height < 30 else 12

    def _show_signal(self, state: RunState, table: tuple[SignalSeen, ...]) -> None:
        chosen = self.query_one(SignalList).selected
        seen = next((each for each in table if each.signal.name == chosen), None)
        if seen is None:
            return
        pane = self.query_one("#signal-pane").size
        width = max(pane.width - 2, 10)
        rows = FEW_WORD_ROWS if pane.height < 10 else WORD_ROWS
        words = signal_words(seen, width, max(min(rows, pane.height - 1), 1))
        self.query_one("#signal-title", Lines).show(signal_title(seen))
        self.query_one("#signal-words", Lines).show(*words, layout=True)
        room = pane.height - 1 - len(words)
        self.query_one("#signal-chart", Lines).show(*large_chart(state, seen, width, room), layout=True)

    def on_row_list_selected(self) -> None:
        """Show the signal that is looked at."""
        state = self._desk.session.state
        self._show_heading(state)
        self._show_signal(state, self._watched.table(state))

    def say(self, words: Line) -> None:
        """Show a sentence for a while."""
        self._notice_until = self._desk.session.clock.now().plus(NOTICE_FOR)
        notice = self.query_one("#notice", Lines)
        notice.display = bool(words)
        notice.show(words, layout=True)

    def action_act(self, name: str) -> None:
        """Do one action, or say why it can't be done now."""
        self._act(name, self.say)

    def action_help(self) -> None:
        """Every key of this page, and why the blocked ones are blocked."""
        session = self._desk.session
        lines = monitor_help(session.state, session.actor, may_act=self._desk.may_act, keys=self._keys)
        self.app.push_screen(SheetScreen(line(("Keys of this page", Tone.STRONG)), lines, self._keys))

    def action_back(self) -> None:
        """Back to the run."""
        self.dismiss()

    def palette(self) -> Iterable[SystemCommand]:
        """The actions of this page, for the command palette."""
        state = self._desk.session.state
        for name, action in BY_NAME.items():
            if name in ON_THE_MONITOR:
                yield SystemCommand(
                    label(action, state),
                    f"{action.help} ({self._keys.shown(name, action.shown_key)})",
                    lambda name=name: self.action_act(name),
                )
        yield SystemCommand("Keys", "Every key of this page", self.action_help)
        yield SystemCommand("Back to the run", "Steps and logs (escape)", self.action_back)
