"""Where one begins: the project's runbooks, the live runs, and the last ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input

from handrail.configuration.actions import Keys
from handrail.errors import HandrailError
from handrail.project.model import Target
from handrail.text import clean_line
from handrail.tui.choosing import Attached, Choosing, RunbookChoice
from handrail.tui.opening import Opening
from handrail.tui.presenters.choosing import (
    ENDED,
    LIVE,
    RUNBOOK,
    choice_rows,
    choosing_help,
    choosing_keys,
)
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.start import error_lines
from handrail.tui.screens.finished import FinishedScreen
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.widgets.choice_list import ChoiceList
from handrail.tui.widgets.field import Field
from handrail.tui.widgets.lines import Lines

LOOK_SECONDS = 1.0


class ChoosingScreen(Screen[None]):
    """A list that follows the journal once a second; at rest nothing is read and nothing is sent."""

    CSS_PATH = "choosing.tcss"
    AUTO_FOCUS = "#choices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", show=False, id="choose"),
        Binding("w", "watch", "Watch", show=False, id="watch"),
        Binding("slash", "filter", "Filter", show=False, id="filter"),
        Binding("escape", "all", "All", show=False),
        Binding("q", "app.detach", "Leave", show=False, id="leave"),
        Binding("question_mark", "help", "Keys", show=False, id="help"),
    ]

    def __init__(
        self,
        choosing: Choosing,
        keys: Keys,
        *,
        start: Callable[[Opening], None],
        follow: Callable[[Attached], None],
        chosen: Callable[[], None],
    ) -> None:
        super().__init__()
        self._is_composed = False
        self._chosen = chosen
        self._choosing = choosing
        self._keys = keys
        self._start = start
        self._follow = follow
        self._runbooks: tuple[RunbookChoice, ...] | None = None
        self._busy = False
        self._fault = False

    @property
    def frame_words(self) -> str:
        """What the frame says where nothing on production is chosen."""
        project = clean_line(self._choosing.project)
        return f"handrail · {project}" if project else "handrail"

    @property
    def target(self) -> Target | None:
        """The target of what is chosen, so that the frame can say production."""
        if not self.is_mounted:
            return None
        kind, _, name = (self.query_one(ChoiceList).selected or "").partition(":")
        if kind == RUNBOOK:
            choice = self._runbook(name)
            return choice.target if choice else None
        live = next((run for run in self._choosing.overview.live if run.run == name), None)
        if kind == LIVE and live is not None and live.state is not None:
            return live.state.plan.target
        ended = next((run for run in self._choosing.overview.ended if run.run == name), None)
        return Target(name=ended.target, production=ended.production) if kind == ENDED and ended else None

    def compose(self) -> ComposeResult:
        """The project, the list, a field to filter it, and the keys."""
        yield Lines(id="choosing-problem")
        yield ChoiceList(id="choices")
        with Horizontal(id="filter-row"):
            yield Lines(id="filter-label")
            yield Field(id="filter", compact=True, max_length=200)
        yield Lines(id="choosing-said")
        yield Lines(id="choosing-keys")

    def on_mount(self) -> None:
        """Show the runs at once, and the runbooks as soon as they are read."""
        self._is_composed = True
        choosing = self._choosing
        problem = self.query_one("#choosing-problem", Lines)
        problem.show(line((f" {clean_line(choosing.problem)}", Tone.WARN)))
        problem.display = bool(choosing.problem)
        self.query_one("#filter-label", Lines).show(line((" Filter: ", Tone.STRONG)))
        self._say()
        self._look()
        self.run_worker(self._read_runbooks, thread=True)
        self.set_interval(LOOK_SECONDS, self._look)

    def on_resize(self) -> None:
        """Fit the rows to the new width."""
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        """Back from a run or a start: what happened meanwhile is seen at once."""
        self._busy = False
        if self.is_mounted:
            self._look()

    def _read_runbooks(self) -> None:
        try:
            found = tuple(self._choosing.runbooks())
        except HandrailError as error:
            self.app.call_from_thread(self._say, *error_lines(error))
            found = ()
        self.app.call_from_thread(self._take_runbooks, found)

    def _take_runbooks(self, found: tuple[RunbookChoice, ...]) -> None:
        self._runbooks = found
        self._show()

    def catch_up(self) -> None:
        """Look at the journal now instead of at the next tick."""
        self._look()

    def _look(self) -> None:
        if not self.is_current:
            return
        try:
            self._choosing.poll()
        except HandrailError as fault:
            self._fault = True
            self._say(line((f"{fault.summary} This list may be out of date; trying again.", Tone.ALARM)))
        else:
            if self._fault:
                self._fault = False
                self._say()
        self._show()

    def _show(self) -> None:
        if not self._is_composed:
            return
        wanted = self.query_one(Input).value if self.has_class("-filtering") else ""
        choosing = self._choosing
        rows = choice_rows(
            choosing.overview, self._runbooks, choosing.now(), choosing.actor, self.size.width, wanted
        )
        self.query_one(ChoiceList).show(rows)
        self._show_keys()

    def _show_keys(self) -> None:
        key = self.query_one(ChoiceList).selected
        filtering = isinstance(self.focused, Input)
        words = choosing_keys(key, self._keys, self.size.width, filtering=filtering)
        self.query_one("#choosing-keys", Lines).show(words)

    def _say(self, *lines: Line) -> None:
        if self.is_mounted:
            said = self.query_one("#choosing-said", Lines)
            said.display = bool(lines)
            said.show(*lines, layout=True)

    def on_row_list_selected(self) -> None:
        """Say what can be done with it, and by the frame what it is about."""
        self._say()
        self._show_keys()
        self._chosen()

    def on_choice_list_opened(self) -> None:
        """Open it."""
        self.action_choose()

    def on_descendant_focus(self) -> None:
        """Show the keys of what has the focus."""
        if self.is_mounted:
            self._show_keys()

    def on_input_changed(self) -> None:
        """List what has the words, as they are typed."""
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what is listed: the keys go to the list again, which stays filtered."""
        event.stop()
        self.query_one(ChoiceList).focus()

    def on_key(self, event: object) -> None:
        """Rows move under the field while it is typed into."""
        key = getattr(event, "key", "")
        if isinstance(self.focused, Input) and key in ("down", "up"):
            self.query_one(ChoiceList).action_move(1 if key == "down" else -1)

    def action_filter(self) -> None:
        """Begin to filter."""
        self.add_class("-filtering")
        self.query_one(Input).focus()
        self._show()

    def action_all(self) -> None:
        """List all again."""
        if not self.has_class("-filtering"):
            return
        self.query_one(ChoiceList).focus()
        self.remove_class("-filtering")
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self._show()

    def action_choose(self) -> None:
        """Open the runbook, attach to the run, or tell what the run came to."""
        kind, _, name = (self.query_one(ChoiceList).selected or "").partition(":")
        if self._busy or not kind:
            return
        if kind == RUNBOOK:
            self._open_runbook(name)
        elif kind == LIVE:
            self._come_to(name, to_drive=True)
        else:
            self._tell_of(name)

    def action_watch(self) -> None:
        """Look on at a live run."""
        kind, _, name = (self.query_one(ChoiceList).selected or "").partition(":")
        if kind != LIVE:
            self._say(line(("Only a live run can be watched.", Tone.WARN)))
        elif not self._busy:
            self._come_to(name, to_drive=False)

    def _runbook(self, path: str) -> RunbookChoice | None:
        return next((choice for choice in self._runbooks or () if str(choice.path) == path), None)

    def _open_runbook(self, path: str) -> None:
        choice = self._runbook(path)
        if choice is None:
            return
        self._busy = True
        self._say(line(("Reading the runbook…", Tone.BUSY)))

        def prepare() -> None:
            try:
                opening = self._choosing.prepare(choice)
            except HandrailError as error:
                self.app.call_from_thread(self._failed, error)
            else:
                self.app.call_from_thread(self._prepared, opening)

        # The project's tasks are imported for it, which may take a second.
        self.run_worker(prepare, thread=True)

    def _prepared(self, opening: Opening) -> None:
        self._busy = False
        if not self.is_current:
            return
        self._say()
        try:
            self._start(self._choosing.start(opening))
        except HandrailError as error:
            self._failed(error)

    def _failed(self, error: HandrailError) -> None:
        self._busy = False
        first, *rest = error_lines(error)
        if len(rest) <= 2:
            self._say(first, *rest)
        else:
            self._say()
            self.app.push_screen(SheetScreen(first, tuple(rest), self._keys))

    def _come_to(self, run: str, *, to_drive: bool) -> None:
        self._busy = True
        self._say(line(("Attaching…" if to_drive else "Coming to watch…", Tone.BUSY)))
        self.call_after_refresh(self._come, run, to_drive)

    def _come(self, run: str, to_drive: bool) -> None:
        try:
            attached = self._choosing.attach(run, to_drive=to_drive)
        except (HandrailError, ValueError) as error:
            self._failed(error if isinstance(error, HandrailError) else HandrailError(str(error)))
            return
        self._busy = False
        self._say()
        self._follow(attached)

    def _tell_of(self, run: str) -> None:
        try:
            attached = self._choosing.attach(run, to_drive=False)
        except (HandrailError, ValueError) as error:
            self._failed(error if isinstance(error, HandrailError) else HandrailError(str(error)))
            return
        self.app.push_screen(FinishedScreen(attached, self._keys, self._follow))

    def action_help(self) -> None:
        """Every key of this screen."""
        title = line(("Keys of this screen", Tone.STRONG))
        self.app.push_screen(SheetScreen(title, choosing_help(self._keys), self._keys))

    def palette(self) -> Iterable[SystemCommand]:
        """Every action, for the command palette."""
        yield SystemCommand("Open", "Open what is chosen", self.action_choose)
        yield SystemCommand("Watch", "Look on at the chosen run, without acting", self.action_watch)
        yield SystemCommand("Filter", "List only what has these words", self.action_filter)
        yield SystemCommand("Keys", "Every key of this screen", self.action_help)
